"""The long form of the crash tests: `python -m tests.torture`, and what it shares with tests/crash."""

PATIENCE = 120.0  # seconds for what takes a few on a machine that does nothing else
