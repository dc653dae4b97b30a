"""The board: pages made on the server, their assets and their words."""
