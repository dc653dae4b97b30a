"""The rules of opening and forgetting identities. Free of frameworks, clocks, keys and I/O."""
