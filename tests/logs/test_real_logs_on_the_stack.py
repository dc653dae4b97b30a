"""Every real log through `duban import` on the whole stack: the alerts that `duban alerts` gives, against the oracles,
exactly and both ways. `make logs` prints the counts."""

import gzip
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from deploy.embedded.plan import ROOT
from deploy.embedded.stack import Stack
from tests.support import oracles

pytestmark = [pytest.mark.stack, pytest.mark.data, pytest.mark.slow, pytest.mark.timeout(600)]
Pair = tuple[str, str]


def _duban(stack: Stack, *arguments: str) -> str:
    command = [sys.executable, "-m", "duban.main", *arguments, "--data", str(stack.data), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _imported(stack: Stack, *arguments: str) -> Counter[Pair]:
    """(the file's own case id, clock) of every overdue alert once the file has been imported."""
    begun = time.monotonic()
    summary = json.loads(_duban(stack, "import", *arguments))
    assert summary["unreadable"] == 0
    lines = _duban(stack, "alerts", "--rule", "overdue", "--timeline", summary["timeline"]).splitlines()
    alerts = [json.loads(line) for line in lines]
    assert len({alert["alert_id"] for alert in alerts}) == len(alerts)
    print(
        f"\n{Path(arguments[1]).name} {summary['mode']}: {summary['cases']} cases, {summary['commands']} commands, "
        f"{len(alerts)} overdue, {time.monotonic() - begun:.0f} s",
        end="",
    )
    return Counter((alert["source_ref"], alert["clock"]) for alert in alerts)


def _same(found: Counter[Pair], wanted: Counter[Pair], count: int) -> None:
    missing, unexpected = wanted - found, found - wanted
    print(f"; missing {sum(missing.values())}, unexpected {sum(unexpected.values())}", end="")
    assert (missing, unexpected) == (Counter(), Counter())
    assert sum(found.values()) == count


@pytest.mark.parametrize("options", [(), ("--direct",)], ids=["services", "direct"])
def test_wabo(stack: Stack, tmp_path: Path, options: tuple[str, ...]) -> None:
    path = oracles.log("wabo_receipt.csv.gz")
    other = tmp_path / "wabo_receipt.csv"  # a timeline is named after its content: an empty line more is another one
    other.write_bytes(gzip.decompress(path.read_bytes()) + b"\n" * len(options))
    wanted = Counter((ref, "promised") for ref in oracles.wabo_overdue(path))
    _same(_imported(stack, "wabo", str(other), *options), wanted, 416)


@pytest.mark.parametrize(("year", "count"), [(2015, 614), (2016, 659), (2017, 741)])
def test_boston(stack: Stack, year: int, count: int) -> None:
    path = oracles.log(f"boston311_{year}.csv.gz")
    wanted = Counter((ref, "conclusion") for ref in oracles.boston_overdue(path))
    _same(_imported(stack, "boston311", str(path), "--direct"), wanted, count)


@pytest.mark.parametrize(("number", "count"), [(1, 144), (2, 8)])
def test_bpic15(stack: Stack, number: int, count: int) -> None:
    path = oracles.log(f"BPIC15_{number}.xes.gz")
    found = _imported(stack, "xes", str(path), "--agency", f"municipality-{number}", "--direct")
    stages: Counter[Pair] = Counter()
    for (ref, clock), times in found.items():
        stages[ref, clock.removeprefix("stage:").partition("#")[0]] += times
    _same(stages, oracles.xes_overdue(path), count)
