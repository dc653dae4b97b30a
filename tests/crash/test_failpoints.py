"""kill -9 at every failpoint of a worker: the alerts are the oracle's, no id twice, order kept. `make torture` has them
all with every kind of event."""

from pathlib import Path

import pytest

from deploy.embedded.stack import Stack
from tests.torture import failpoints
from tests.torture.lives import Crew
from tests.torture.reader import Reader

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]


def test_a_kill_at_every_failpoint_changes_no_alert(kafka: Stack, reader: Reader, hands: Crew, tmp_path: Path) -> None:
    cells = list(failpoints.few())
    hands.start("subjects-1", "subjects")
    outcomes = failpoints.play(kafka, cells, reader, tmp_path)
    print(f"{len(outcomes)} kills, {sum(o.at_once for o in outcomes)} at the event itself; {dict(reader.counts)}")
    assert [outcome for outcome in outcomes if not outcome.good] == []
    assert {outcome.cell.failpoint for outcome in outcomes} == set(failpoints.FAILPOINTS)
    assert reader.wrong == []
    assert reader.counts["alerts"] > len(cells)
