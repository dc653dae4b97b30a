"""The generated city: its people behave as policies/city.yaml and a seed say. Free of I/O beyond reading policies."""
