"""How many examples a property is tried on: few in the suite, many with HYPOTHESIS_PROFILE=deep.

A deep run takes minutes a property, so: HYPOTHESIS_PROFILE=deep .venv/bin/pytest --timeout 0 tests/unit tests/topology
"""

import os

from hypothesis import HealthCheck, settings

DEEP = 100 if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else 1


def effort(examples: int) -> settings:
    """`examples` in the suite, a hundred times as many in a deep run; the machine may be as slow as it likes."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
    return settings(max_examples=examples * DEEP, deadline=None, suppress_health_check=slow)
