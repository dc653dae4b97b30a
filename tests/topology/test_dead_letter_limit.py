"""A row of unreadable records, or of failures of a rule, stops a partition: it is not the records that are wrong."""

import pytest

from services.contracts.topics import ALERTS, FACTS
from services.supervision.domain.cases import CasesFold
from services.supervision.policy_files import load_policies
from services.supervision.runtime.partition import PartitionFold
from services.supervision.runtime.store import PartitionStore
from tests.fuzz.spoiling import as_bytes
from tests.support.folding import POLICIES
from tests.topology.among_good import (
    COUNTS,
    PLACE,
    Written,
    a_store,
    cases_fold,
    filed,
    folded,
    good,
    laid,
    letters,
    state_of,
    tick,
)


def test_ticks_do_not_break_a_row_of_unreadable_records() -> None:
    times = [f"2026-03-{2 + n:02}T00:00:00Z" for n in range(10)]
    log = laid([record for at in times for record in (Written(b"k", b"{"), Written(b"clock", tick(at)))])
    with a_store() as store:
        worker = cases_fold(store, dead_letter_limit=4)
        assert len(letters(folded(worker, log, 3))) == 4
        assert worker.stopped
        assert store.offset == 8
        again = cases_fold(store, dead_letter_limit=4)
        assert not folded(again, log[8:])
        assert again.stopped
        mended = cases_fold(store, dead_letter_limit=100)
        assert len(letters(folded(mended, log[8:]))) == 6
        assert store.offset == len(log)


class Broken(CasesFold):
    """Fails on everything, or on `only` some."""

    calls = 0
    only: tuple[str, ...] = ("fold", "wake", "recompute", "decreed")

    def _fails(self, what: str) -> None:
        type(self).calls += 1
        if what in self.only:
            raise ZeroDivisionError(f"a fault in {what}")

    def fold(self, *arguments):  # type: ignore[no-untyped-def]
        self._fails("fold")
        return super().fold(*arguments)

    def wake(self, *arguments):  # type: ignore[no-untyped-def]
        self._fails("wake")
        return super().wake(*arguments)

    def recompute(self, *arguments):  # type: ignore[no-untyped-def]
        self._fails("recompute")
        return super().recompute(*arguments)

    def decreed(self, event):  # type: ignore[no-untyped-def]
        self._fails("decreed")
        return self


def broken(store: PartitionStore, *only: str, limit: int = 10**6) -> PartitionFold:
    policies = load_policies(POLICIES)
    fold = Broken(policies.cases, policies.calendar)
    fold.only, Broken.calls = only, 0
    return PartitionFold(
        fold, store, PLACE, upstream=frozenset(), forward=(FACTS, ALERTS), partitions=COUNTS, dead_letter_limit=limit
    )


def test_a_fold_that_always_fails_is_tried_on_each_record_once_and_stops_at_the_limit() -> None:
    log = laid([record for record in good() if record.key is not None][:300])
    with a_store() as store:
        worker = broken(store, "fold")
        assert set(letters(folded(worker, log))) == set(range(300))
        assert worker.unreadable == {"fold": 300}
        assert Broken.calls == 300
    with a_store() as store:
        worker = broken(store, "fold", limit=20)
        assert len(letters(folded(worker, log))) == store.offset == 20
        assert worker.stopped.endswith("ZeroDivisionError('a fault in fold')")
        assert len(folded(cases_fold(store), log)) > 0  # a mended rule goes on where the broken one stopped
        assert store.offset == 300


@pytest.mark.parametrize("what", ["wake", "recompute", "decreed"])
def test_a_rule_that_fails_on_a_timer_or_a_decree_leaves_the_state_as_it_was(what: str) -> None:
    decree = {"year": 2027, "version": "cn-2027", "holidays": [], "makeup_workdays": []}
    record = {"id": "d", "source": "/s", "type": "calendar.decreed.v1", "subject": "calendar", "sequence": 0}
    record |= {"time": "2026-11-05T00:00:00Z", "timeline": "somewhere-else", "data": decree}
    limit = {"limit": {"amount": 300}, "promised_limit": {"amount": 300}, "statutory_limit": {"amount": 300}}
    accepted = filed(type="approval.accepted.v1", sequence=2, data={"agency": "a", **limit})
    log = laid([
        Written(b"somewhere-else", filed()),
        Written(b"somewhere-else", accepted),
        Written(b"calendar", as_bytes(record)),
        Written(b"clock", tick("2029-01-01T00:00:00Z")),
    ])  # fmt: skip
    with a_store() as store:
        worker = broken(store, what)
        (letter,) = letters(folded(worker, log)).values()
        assert f"a fault in {what}" in letter.reason
        assert worker.unreadable == {"fold": 1}
        assert store.offset == 4
        assert len(state_of(store, "somewhere-else", "somewhere-else").clocks) > 0
    with a_store() as store:
        worker = broken(store, what, limit=0)
        assert what == "decreed" or not letters(folded(worker, log))
        assert what == "decreed" or worker.stopped
