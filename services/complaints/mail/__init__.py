"""E-mail (row A1): each mail in a mailbox becomes a complaint, and is answered with a receipt code."""
