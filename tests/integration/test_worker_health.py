"""A supervision worker's probes tell the truth: before it has partitions, at work, and when it hangs."""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from deploy.embedded.plan import ROOT
from deploy.embedded.stack import Stack, free_ports
from services.supervision.runtime.worker import EXIT_BROKEN
from tests.support import crew
from tests.support.stack import eventually

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

PATIENCE = "15"  # s; with less, it bites a worker that a busy machine delays


def _answers(port: int, path: str) -> int:
    try:
        return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=2).status_code
    except httpx.HTTPError:
        return 0


def test_a_worker_that_hangs_is_ended_by_its_watchdog(infra: Stack, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    disk = {"DUBAN_STATE_DIR": str(tmp_path / "state"), "DUBAN_CHECKPOINT_DIR": str(tmp_path / "checkpoints")}
    city = crew.town(days=2, seed=4711)  # a timeline of its own: the log of this stack holds those of other tests
    settings = {"DUBAN_WATCHDOG_SECONDS": PATIENCE, "DUBAN_MEMBER": "hanging", "HANG_AT": city.timeline}
    environment = os.environ | infra.environment | disk | settings
    log = tmp_path / "worker.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.hanging_worker", "--port", str(port)],
            cwd=ROOT, env=environment, stdout=out, stderr=out,
        )  # fmt: skip
    try:
        eventually(lambda: process.poll() is not None or _answers(port, "/health/live") == 200, 60)
        assert _answers(port, "/health/ready") in (200, 503), log.read_text()
        eventually(lambda: process.poll() is not None or _answers(port, "/health/ready") == 200, 90)
        assert process.poll() is None, log.read_text()
        crew.send(infra, city.timeline, city.segments())
        assert process.wait(90) == EXIT_BROKEN
    finally:
        process.kill()
        process.wait()
    assert "records wait, none folded" in log.read_text()
