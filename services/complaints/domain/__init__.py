"""The rules of a complaint's life. Free of frameworks, clocks and I/O."""
