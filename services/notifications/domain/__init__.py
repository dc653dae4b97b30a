"""What the board knows of alerts, agencies, feeds and watermarks. Pure: no clock, I/O or framework."""
