"""The rules of the register of supervisors (row A5). Pure."""
