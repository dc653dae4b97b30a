"""What the fuzzing tests share: how hard they try, and how a good record is spoilt."""
