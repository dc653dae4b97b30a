"""When a worker counts as stuck: it has something to do and does not move."""

from services.supervision.runtime.watchdog import Judge, Seen

PLACE = ("complaints.v1", 0)


def _verdicts(*seen: tuple[float, Seen]) -> list[str | None]:
    judge = Judge(patience=10)
    return [judge.verdict(now, {PLACE: at}) for now, at in seen]


def test_records_wait_and_none_is_folded() -> None:
    waiting = Seen(end=9, committed=5, folded=(5, 0), safe=5)
    first, within, after = _verdicts((0, waiting), (9, waiting), (11, waiting))
    assert (first, within) == (None, None)
    assert after == "nothing moved for 10 s: complaints.v1-0: 4 records wait, none folded"


def test_what_is_safe_is_not_committed() -> None:
    verdicts = _verdicts(*((t, Seen(end=100 + t, committed=5, folded=(100 + t, 0), safe=90)) for t in (0, 5, 12)))
    assert verdicts[:2] == [None, None]
    assert verdicts[2] == "nothing moved for 10 s: complaints.v1-0: offset 90 is safe, 5 committed"


def test_nothing_to_do_is_no_fault_however_long() -> None:
    idle = Seen(end=9, committed=9, folded=(9, 0), safe=9)
    assert _verdicts(*((t, idle) for t in (0, 100, 1000))) == [None] * 3


def test_time_begins_when_there_is_something_to_do() -> None:
    idle, late = Seen(9, 9, (9, 0), 9), Seen(10, 9, (9, 0), 9)
    assert _verdicts((0, idle), (100, late), (105, late)) == [None] * 3


def test_a_mass_firing_moves_within_one_record() -> None:
    verdicts = _verdicts(*((t, Seen(end=9, committed=5, folded=(5, t), safe=5)) for t in range(0, 60, 5)))
    assert verdicts == [None] * 12


def test_a_partition_that_comes_back_begins_anew() -> None:
    judge, waiting = Judge(patience=10), Seen(end=9, committed=5, folded=(5, 0), safe=5)
    assert judge.verdict(0, {PLACE: waiting}) is None
    assert judge.verdict(8, {}) is None
    assert judge.verdict(12, {PLACE: waiting}) is None
