"""Evidence that people and agencies send: what it is, made harmless, sealed, kept, and given out by role."""
