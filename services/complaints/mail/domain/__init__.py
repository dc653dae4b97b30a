"""What a mail says, and whether a person wrote it. Free of frameworks, clocks and I/O."""
