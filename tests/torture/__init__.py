"""The long form of the crash tests: `python -m tests.torture`, and what it shares with tests/crash."""
