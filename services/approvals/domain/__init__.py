"""The rules of an application's life and the catalogue of items. Free of frameworks, clocks and I/O."""
