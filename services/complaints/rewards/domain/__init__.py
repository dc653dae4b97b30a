"""The rules of rewards (row A4): schedule, life, ledger. Pure."""
