"""How far apart looks are: close while there is something to find, far apart only after a long time without."""

from services.shared.pace import BUSY_SECONDS, IDLE_SECONDS, QUIET_SECONDS, Pace


def pauses(pace, seconds):
    """The pauses of looks that find nothing, until they have lasted so long together."""
    found = []
    while sum(found) < seconds:
        found.append(pace.after(False))
    return found


def test_while_something_is_found_looks_are_close_together():
    pace = Pace()
    assert [pace.after(True) for _ in range(3)] == [BUSY_SECONDS] * 3


def test_half_a_second_without_anything_is_quiet_and_a_minute_idle():
    pace = Pace()
    assert QUIET_SECONDS <= pauses(pace, 0.5)[-1] < 1.3 * QUIET_SECONDS
    assert pauses(pace, 10)[-1] < 2 * QUIET_SECONDS
    assert pauses(pace, 50)[-1] == IDLE_SECONDS


def test_the_first_thing_found_wakes_it():
    pace = Pace(busy=0.02)
    pauses(pace, 60)
    assert pace.after(True) == 0.02
    assert pace.after(False) < 2 * 0.02
