"""Cases that come from elsewhere than people: real logs brought in, and a generated city. Free of supervision code."""
