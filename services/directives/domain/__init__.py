"""The rules of an order with a deadline. Free of frameworks, clocks and I/O."""
