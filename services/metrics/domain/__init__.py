"""Key figures from events: pure, so that the same log gives the same figures however often it is read."""
