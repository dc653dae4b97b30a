"""What the bookkeeping of the torture says, without any torture: verdicts, failpoints of batches, names of parts."""

import os
import signal

import pytest

from services.shared import failpoints
from tests.torture import product
from tests.torture.failpoints import FAILPOINTS
from tests.torture.ledger import Ledger

GOOD = {"alerts_expected": 9, "alerts_seen": 9, "failpoints": dict.fromkeys(FAILPOINTS, 1)}


def test_a_run_that_lost_and_doubled_nothing_is_good() -> None:
    ledger = Ledger(seed=1, minutes=1, brokers=3, **GOOD)
    assert ledger.good
    assert ledger.table().endswith("all good")
    assert "14 of 14" in ledger.table()


@pytest.mark.parametrize(
    "field", ["lost", "duplicated", "disorder", "unread", "records_unfolded", "unfinished", "interrupted"]
)
def test_a_run_is_not_good_for_any_one_of_these(field: str) -> None:
    assert not Ledger(seed=1, minutes=1, brokers=3, **GOOD | {field: 1}).good


def test_a_failpoint_that_nobody_died_at_is_named() -> None:
    ledger = Ledger(seed=1, minutes=1, brokers=3)
    ledger.failpoints.update(FAILPOINTS[1:])
    assert ledger.spared == [FAILPOINTS[0]]
    assert f"13 of 14, 0 with a kind of event or a count; not at {FAILPOINTS[0]}" in ledger.table()


@pytest.mark.parametrize(
    ("wanted", "kinds", "dies"),
    [
        ("relay.publish.after", {"a.v1"}, True),
        ("relay.publish.after@b.v1", {"a.v1", "b.v1"}, True),
        ("relay.publish.after@c.v1", {"a.v1", "b.v1"}, False),
        ("relay.publish.after@b.v1:2", {"b.v1"}, False),
        ("relay.publish.before@b.v1", {"b.v1"}, False),
        ("", {"a.v1"}, False),
    ],
)
def test_a_batch_passes_a_failpoint_with_each_kind_it_holds(
    monkeypatch: pytest.MonkeyPatch, wanted: str, kinds: set[str], dies: bool
) -> None:
    killed: list[tuple[int, int]] = []
    monkeypatch.setenv("DUBAN_FAILPOINT", wanted)
    monkeypatch.setattr(failpoints, "_passed", type(failpoints._passed)())
    monkeypatch.setattr(os, "kill", lambda pid, number: killed.append((pid, number)))
    failpoints.failpoint_of_kinds("relay.publish.after", kinds)
    assert killed == ([(os.getpid(), signal.SIGKILL)] if dies else [])


def test_the_product_is_cut_by_the_beginnings_of_names() -> None:
    assert product.chosen("") == product.EVERY_FAILPOINT
    assert product.chosen("fold,deliver.after") == ("fold.before", "fold.after", "deliver.after")
    with pytest.raises(ValueError, match="no failpoint begins with 'fould'"):
        product.chosen("fould")
