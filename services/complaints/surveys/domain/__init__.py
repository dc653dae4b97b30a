"""The rules of survey campaigns (row A6). Pure."""
