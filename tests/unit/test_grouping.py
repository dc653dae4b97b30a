"""Writers who come at once: one write for all that wait, to each its own result, an error to all of its group."""

import threading

import pytest

from services.shared import grouping
from services.shared.grouping import Grouped
from tests.support.stack import eventually


class Gate:
    """A write that stands still until it is opened; `groups` are what it was given."""

    def __init__(self):
        self.groups, self.open, self.fails = [], threading.Event(), False

    def __call__(self, items):
        self.groups.append(list(items))
        assert self.open.wait(10)
        if self.fails:
            raise OSError("the store is away")
        return [item * 10 for item in items]


def submitted(grouped, items, results):
    def one(item):
        try:
            results[item] = grouped.submit(item)
        except OSError as error:
            results[item] = error

    threads = [threading.Thread(target=one, args=(item,)) for item in items]
    for thread in threads:
        thread.start()
    return threads


def waiting(grouped):
    return len(grouped._queue)


def test_a_writer_who_comes_alone_writes_at_once():
    gate = Gate()
    gate.open.set()
    assert Grouped(gate).submit(7) == 70
    assert gate.groups == [[7]]


def test_those_who_come_while_one_writes_are_written_together_and_each_has_its_own_result():
    gate, results = Gate(), {}
    grouped = Grouped(gate)
    threads = submitted(grouped, [1], results)
    eventually(lambda: gate.groups == [[1]])
    threads += submitted(grouped, range(2, 12), results)
    eventually(lambda: waiting(grouped) == 10)
    gate.open.set()
    for thread in threads:
        thread.join(10)
    assert [sorted(group) for group in gate.groups] == [[1], list(range(2, 12))]
    assert results == {n: n * 10 for n in range(1, 12)}


def test_no_group_is_larger_than_the_most(monkeypatch):
    monkeypatch.setattr(grouping, "MOST", 3)
    gate, results = Gate(), {}
    grouped = Grouped(gate)
    threads = submitted(grouped, [1], results)
    eventually(lambda: gate.groups == [[1]])
    threads += submitted(grouped, range(2, 9), results)
    eventually(lambda: waiting(grouped) == 7)
    gate.open.set()
    for thread in threads:
        thread.join(10)
    assert [len(group) for group in gate.groups] == [1, 3, 3, 1]
    assert results == {n: n * 10 for n in range(1, 9)}


def test_what_the_store_raises_is_raised_to_all_of_the_group_and_the_next_one_is_tried():
    gate, results = Gate(), {}
    grouped = Grouped(gate)
    gate.fails = True
    gate.open.set()
    with pytest.raises(OSError, match="away"):
        grouped.submit(1)
    gate.fails = False
    for thread in submitted(grouped, [2, 3], results):
        thread.join(10)
    assert results == {2: 20, 3: 30}
