"""What services say to one another: event models, topics, codec. Free of I/O and of every framework."""
