"""The rules of an inspection visit. Free of frameworks, clocks and I/O."""
