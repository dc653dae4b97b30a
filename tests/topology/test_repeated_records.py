"""Records that come again, that are skipped, and that are put back behind their successors."""

from hypothesis import given
from hypothesis import strategies as st

from services.contracts.codec import decode
from tests.fuzz.effort import effort
from tests.topology.among_good import (
    Written,
    a_store,
    accounted,
    cases_fold,
    folded,
    good,
    laid,
    letters,
    mixed,
    said,
    said_alone,
    state_of,
)


@given(st.lists(st.floats(0, 0.999), min_size=1, max_size=30), st.sampled_from([1, 40, 2000]))
@effort(5)
def test_records_sent_again_at_any_later_place_change_nothing(shares: list[float], batch: int) -> None:
    """The relay's promise: at least once, never before its predecessor. Ticks again are repetitions too."""
    again = [(min(share + 0.1, 1.0), good()[int(share * len(good()))]) for share in shares]
    log, bad = mixed([record for _, record in again], [place for place, _ in again])
    with a_store() as store:
        effects = folded(cases_fold(store), log, batch)
        assert said(effects) == said_alone()
        assert not letters(effects)
        assert accounted(store, effects, bad).total() == len(again)


def test_a_skipped_record_is_counted_as_a_gap_and_the_rest_of_the_case_goes_on() -> None:
    events = [decode(record.value) for record in good() if record.key is not None]
    third = next(event for event in events if event.sequence == 3)
    rest = [r for r in good() if r.key is None or decode(r.value).id != third.id]
    with a_store() as store:
        folded(cases_fold(store), laid(rest))
        state = state_of(store, third.timeline, third.subject)
        assert state.gaps == 1
        assert state.last == max(event.sequence for event in events if event.subject == third.subject)


def test_a_dead_letter_put_back_ends_the_clocks_that_its_case_was_accused_by() -> None:
    """An unknown version is read at last, behind its successors: `duban dead-letters replay` undoes the accusation."""
    events = [(n, decode(r.value)) for n, r in enumerate(good()) if r.key is not None]
    delivered = {event.subject for _, event in events if event.type == "approval.delivered.v1"}
    place, decided = next((n, e) for n, e in events if e.type == "approval.decided.v1" and e.subject in delivered)
    record = good()[place]
    unknown = Written(record.key, (record.value or b"").replace(b"approval.decided.v1", b"approval.decided.v9"))
    log = laid([*good()[:place], unknown, *good()[place + 1 :], record])
    with a_store() as store:
        worker = cases_fold(store)
        assert set(letters(folded(worker, log[:-1]))) == {place}
        accused = {clock.name for clock in state_of(store, decided.timeline, decided.subject).clocks if clock.breach}
        assert accused >= {"statutory"}
        again = folded(worker, log[-1:])
        assert {decode(effect.value).type for effect in again} == {"alert.corrected.v1", "fact.recorded.v1"}
        assert state_of(store, decided.timeline, decided.subject).gaps == 0
