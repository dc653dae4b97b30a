"""`duban demo --once` against a running stack: the generated city through the real services, to the letter."""

import subprocess
import sys

import pytest

from deploy.embedded.plan import ROOT
from deploy.embedded.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(280)]


def _demo(stack: Stack, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "duban.main", "demo", "--once", "--data", str(stack.data), *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=250, check=False)


def test_the_demo_ends_with_the_oracles_alerts_and_again_when_repeated(stack: Stack) -> None:
    for _ in range(2):
        done = _demo(stack, "--days", "12", "--seed", "5")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "and no other" in done.stdout
        assert "/sign-in?ticket=" in done.stdout
        assert "event to alert, p99" in done.stdout
    assert stack.is_running()
