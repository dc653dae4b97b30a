"""The supervision worker killed again and again during a replay: the same alerts, none twice, none lost."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import oracles
from tests.support.stack import eventually, running_stack

KILLS = 10


@pytest.mark.timeout(420)
def test_ten_kills_and_a_wiped_disk_change_no_alert(tmp_path: Path) -> None:
    log = oracles.log("wabo_receipt.csv.gz")
    with running_stack(tmp_path / "data") as stack:
        duban = [sys.executable, "-m", "duban.main"]
        run = subprocess.Popen([*duban, "import", "wabo", str(log), "--direct", "--data", str(stack.data)])
        for kill in range(KILLS + 1):
            eventually(lambda: (stack.data / "state" / "cases-1" / "cases").exists(), 60)
            if kill == KILLS // 2:
                stack.hold("cases-1")
                shutil.rmtree(stack.data / "state" / "cases-1")
                stack.release("cases-1")
            else:
                stack.kill("cases-1")
            stack.wait_ready("cases-1")
        assert run.wait(240) == 0
        out = subprocess.run(
            [*duban, "alerts", "--rule", "overdue", "--json", "--data", str(stack.data)],
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        alerts = [json.loads(line) for line in out.splitlines()]
    assert len({a["alert_id"] for a in alerts}) == len(alerts)
    assert sorted(a["source_ref"] for a in alerts) == sorted(oracles.wabo_overdue(log))
