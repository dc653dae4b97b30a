"""The audit trail (architecture rule 11): who did what to what, in a chain that cannot be mended unseen."""
