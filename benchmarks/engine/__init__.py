"""Benchmarks of the engine alone: timers, latency, recovery, replay, intake; docs/performance.md explains them."""
