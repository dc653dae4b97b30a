"""The real logs through importer, records and both folds in memory, against oracles that read the raw files."""

from collections import Counter
from pathlib import Path

import pytest

from simulation.importers import boston311, wabo, xes
from simulation.importers.common import ImportedLog, Unreadable
from simulation.replay import records
from simulation.stream import daily_segments
from tests.support import oracles
from tests.support.folding import Supervision

pytestmark = pytest.mark.data


def _overdue(log: ImportedLog) -> list[tuple[str, str]]:
    """(case, clock) of every overdue alert once the log has been folded."""
    assert log.end is not None
    supervision = Supervision()
    supervision.take(records("test", daily_segments(log.commands, log.zone, log.end)))
    found = [a for a in supervision.alerts.values() if a.rule == "overdue"]
    return [(str(alert.source_ref), str(alert.clock)) for alert in found]


def _no_rows_lost(row: Unreadable) -> None:
    raise AssertionError(f"line {row.line}: {row.reason}")


def test_wabo_alerts_are_the_applications_past_their_deadline() -> None:
    path = oracles.log("wabo_receipt.csv.gz")
    found = _overdue(wabo.read(path, _no_rows_lost))
    assert Counter(found) == Counter((ref, "promised") for ref in oracles.wabo_overdue(path))
    assert len(found) == 416


@pytest.mark.parametrize(("year", "count"), [(2015, 614), (2016, 659), (2017, 741)])
def test_boston_alerts_are_the_requests_marked_overdue(year: int, count: int) -> None:
    path = oracles.log(f"boston311_{year}.csv.gz")
    found = _overdue(boston311.read(path, _no_rows_lost))
    assert Counter(found) == Counter((ref, "conclusion") for ref in oracles.boston_overdue(path))
    assert len(found) == count


@pytest.mark.parametrize(
    ("name", "finished", "count"),
    [
        ("BPIC15_1", "time:timestamp", 144),
        ("BPIC15_2", "time:timestamp", 8),
        ("BPIC15_1", "dateFinished", 621),
        ("BPIC15_2", "dateFinished", 97),
    ],
)
def test_xes_alerts_are_the_events_past_their_due_date(name: str, finished: str, count: int) -> None:
    path = oracles.log(f"{name}.xes.gz")
    found = _overdue(xes.read(path, _no_rows_lost, "municipality", finished))
    stages = Counter((ref, clock.removeprefix("stage:").partition("#")[0]) for ref, clock in found)
    assert stages == oracles.xes_overdue(path, finished)
    assert len(found) == len(set(found)) == count


def test_a_log_reads_the_same_plain_and_compressed(tmp_path: Path) -> None:
    import gzip

    path = oracles.log("wabo_receipt.csv.gz")
    plain = tmp_path / "log.csv"
    plain.write_bytes(gzip.decompress(path.read_bytes()))
    assert wabo.read(plain, _no_rows_lost).commands == wabo.read(path, _no_rows_lost).commands
