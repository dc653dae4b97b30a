"""The tail of the feed: readers are woken, what came last is kept, a gap or a long absence is not made up."""

import asyncio
import time

import pytest

from services.notifications import tail as module
from services.notifications.api import _stream
from services.notifications.domain.directory import Directory
from services.notifications.domain.queries import AlertQuery, Scope
from services.notifications.memory import MemoryAlerts
from services.notifications.service import Inbox
from services.notifications.tail import FeedTail
from tests.support.alerts import alert, record

ALL = Scope()


class Counting(MemoryAlerts):
    """Counts what is asked; `away` makes every question fail."""

    def __init__(self):
        super().__init__()
        self.away, self.feeds = False, 0

    def since(self, position):
        if self.away:
            raise OSError("away")
        return super().since(position)

    def feed(self, *args):
        self.feeds += 1
        return super().feed(*args)

    def add(self, *names, agency="housing"):
        inbox = Inbox(self, Directory.of({}), now_ms=lambda: 5_000)
        inbox.handle([record(alert(name, agency=agency)) for name in names])


@pytest.fixture
def alerts():
    return Counting()


async def _until(tail, position):
    return await asyncio.wait_for(tail.beyond(position - 1, 10), 12)


def positions(entries):
    return None if entries is None else [entry.position for entry in entries]


def test_a_reader_is_woken_when_the_feed_grows_and_finds_in_memory_what_it_has_not_had(alerts):
    async def scenario():
        tail = FeedTail(alerts)
        alerts.add("a")
        async with tail.reading():
            assert await _until(tail, 1) == 1
            alerts.add("b", "c")
            assert await _until(tail, 3) == 3
            return positions(tail.after(1)), positions(tail.after(2)), tail.after(3), tail.after(0)

    assert asyncio.run(scenario()) == ([2, 3], [3], [], None)


def test_a_slow_reader_costs_no_more_memory_than_what_is_kept(alerts, monkeypatch):
    monkeypatch.setattr(module, "KEPT", 4)

    async def scenario():
        tail = FeedTail(alerts)
        alerts.add("a")
        async with tail.reading():
            await _until(tail, 1)
            alerts.add(*"bcdefgh")
            await _until(tail, 8)
            return tail.after(3), positions(tail.after(4))

    assert asyncio.run(scenario()) == (None, [5, 6, 7, 8])


def test_a_stream_gives_every_entry_once_in_order_from_the_database_and_then_from_memory(alerts):
    async def scenario():
        tail, seen = FeedTail(alerts), []
        alerts.add("a", "b")
        alerts.add("elsewhere", agency="finance")
        stream = _stream(alerts, tail, 0, AlertQuery(agency="housing"), ALL)
        async for event in stream:
            seen.append(int(event.id))
            if len(seen) == 2:
                asyncio.get_running_loop().call_later(0.05, alerts.add, "c")
            if len(seen) == 3:
                asyncio.get_running_loop().call_later(0.05, alerts.add, "d")
            if len(seen) == 4:
                break
        await stream.aclose()
        return seen

    assert asyncio.run(scenario()) == [1, 2, 4, 5]
    assert alerts.feeds == 1, "only what lay there before the tail was read"


def test_a_stream_shows_nobody_more_than_their_scope(alerts):
    async def scenario():
        tail = FeedTail(alerts)
        mine = Scope(city=False, agencies=frozenset({"finance"}))
        stream = _stream(alerts, tail, 0, AlertQuery(), mine)
        asyncio.get_running_loop().call_later(0.1, alerts.add, "theirs")
        asyncio.get_running_loop().call_later(0.2, lambda: alerts.add("ours", agency="finance"))
        first = await asyncio.wait_for(anext(stream), 10)
        await stream.aclose()
        return int(first.id)

    assert asyncio.run(scenario()) == 2


def test_a_database_that_is_away_ends_no_stream(alerts):
    async def scenario():
        tail = FeedTail(alerts)
        alerts.add("a")
        async with tail.reading():
            await _until(tail, 1)
            alerts.away = True
            alerts.add("b")
            assert await tail.beyond(1, 0.3) == 1
            alerts.away = False
            return await _until(tail, 2)

    assert asyncio.run(scenario()) == 2


def test_what_came_while_nobody_looked_is_not_read_one_by_one(alerts):
    async def scenario():
        tail = FeedTail(alerts)
        async with tail.reading():
            alerts.add("a")
            await _until(tail, 1)
        deadline = time.monotonic() + 10
        while not tail._watcher.done():
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        alerts.add("b", "c")
        async with tail.reading():
            await _until(tail, 3)
            return tail.after(1)

    assert asyncio.run(scenario()) is None
