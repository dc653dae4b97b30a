"""The public pages: complaint form, receipt, inbox. Made on the server; they work without a script."""
