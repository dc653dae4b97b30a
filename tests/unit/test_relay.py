"""The relay on an outbox and a log in memory: what is published when, and what is deleted when."""

import threading
from datetime import timedelta

import pytest
from kafka.errors import KafkaError
from prometheus_client import REGISTRY

from services.contracts.clock import CalendarDecreedV1
from services.contracts.codec import decode, encode, encode_json
from services.contracts.complaints import ComplaintAcceptedV1
from services.contracts.instants import to_micros
from services.shared.outbox import Request, Waiting
from services.shared.partitioner import partition_of
from services.shared.relay import CHUNK, CHUNKS_A_TURN, Relay
from tests.support.sources import T0
from tests.support.stack import eventually

GRACE = timedelta(seconds=5)
SECOND = timedelta(seconds=1)


class FakeOutbox:
    """Cases in the order of their oldest event: (timeline, instants)."""

    def __init__(self):
        self.cases, self.ticks, self.acknowledged = {}, [], []

    def add(self, case, timeline, *instants):
        old = self.cases.get(case, (timeline, []))[1]
        self.cases[case] = (timeline, [*old, *[(len(old) + n, at) for n, at in enumerate(instants, start=1)]])

    def requests(self):
        return list(self.ticks)

    def done(self, requests):
        self.ticks = [t for t in self.ticks if t not in requests]

    def waiting(self, timeline, before, chunk):
        found = [
            Waiting(case, [(sequence, value(case, timeline, sequence, at)) for sequence, at in events])
            for case, (its, events) in sorted(self.cases.items(), key=lambda item: item[1][1][0][1])
            if its == timeline and (before is None or to_micros(events[0][1]) < before)
        ]
        for start in range(0, len(found), chunk):
            yield found[start : start + chunk]

    def timelines(self):
        return sorted({timeline for timeline, _ in self.cases.values()})

    def acknowledge(self, published):
        self.acknowledged += published
        for case, _ in published:
            self.cases.pop(case)

    def oldest(self, timeline):
        return min((to_micros(e[0][1]) for its, e in self.cases.values() if its == timeline), default=None)

    def size(self):
        return len(self.cases)


class FakeLog:
    """Two partitions; `fail` makes the next append raise after it has written that many records."""

    def __init__(self):
        self.written, self.fail, self.closed = ([], []), None, 0

    def partitions(self):
        return 2

    def append(self, records, wait):
        for number, (partition, _, data) in enumerate(records):
            if self.fail is not None and number >= self.fail:
                self.fail = None
                raise KafkaError("the broker is gone")
            self.written[partition].append(decode(data))

    def close(self):
        self.closed += 1


def value(case, timeline, sequence, at):
    return encode(
        ComplaintAcceptedV1(), id=f"{case}/{sequence}", source="/complaints", subject=case, time=at,
        sequence=sequence, timeline=timeline,
    )  # fmt: skip


class Clock:
    def __init__(self):
        self.now = T0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def outbox():
    return FakeOutbox()


@pytest.fixture
def log():
    return FakeLog()


@pytest.fixture
def relay(outbox, log, clock):
    return Relay("complaints", "complaints.v1", lambda: outbox, log, clock, grace=GRACE, tick_every=SECOND)


def ticks(log, timeline):
    return [[e.data.as_of for e in part if e.subject == "clock" and e.timeline == timeline] for part in log.written]


def events(log):
    return [(e.subject, e.sequence) for part in log.written for e in part if e.subject != "clock"]


def test_every_event_goes_to_its_cases_partition_in_order(relay, outbox, log):
    for case in "abcdef":
        outbox.add(case, "live", T0, T0)
    assert relay.turn()
    for partition, found in enumerate(log.written):
        subjects = [e.subject for e in found if e.subject != "clock"]
        assert all(partition_of(s.encode(), 2) == partition for s in subjects)
    assert sorted(events(log)) == sorted((case, n) for case in "abcdef" for n in (1, 2))
    assert outbox.cases == {}


def test_a_requested_tick_comes_after_every_earlier_event_in_every_partition(relay, outbox, log):
    outbox.add("a", "boston", T0, T0 + SECOND)
    outbox.add("b", "boston", T0 + 10 * SECOND)
    outbox.ticks = [Request(1, "boston", to_micros(T0 + SECOND)), Request(2, "boston", to_micros(T0 + 3 * SECOND))]
    relay.turn()
    assert ticks(log, "boston") == [[T0 + SECOND, T0 + 3 * SECOND]] * 2
    home = log.written[partition_of(b"a", 2)]
    assert [e.subject for e in home if e.timeline == "boston" and e.subject != "b"] == ["a", "a", "clock", "clock"]
    assert outbox.ticks == []


def test_the_live_tick_stays_behind_now_by_the_grace_and_behind_what_still_waits(relay, outbox, log, clock):
    relay.turn()
    assert ticks(log, "live") == [[T0 - GRACE]] * 2
    for number in range(CHUNK + 1):
        outbox.add(f"c{number:04}", "live", T0 - 3 * GRACE if number < CHUNK else T0 - 2 * GRACE)
    clock.now += 20 * SECOND
    relay._live()
    assert len(outbox.cases) == 1
    assert ticks(log, "live") == [[T0 - GRACE]] * 2, "an event from before the last tick holds the next one back"
    clock.now += SECOND
    relay._live()
    assert ticks(log, "live") == [[T0 - GRACE, clock.now - GRACE]] * 2


def test_live_ticks_come_once_a_second_and_never_go_back(relay, log, clock):
    for step in (0, 0.4, 0.7, 1.1, -30, 2.5):
        clock.now = T0 + timedelta(seconds=step)
        relay.turn()
    (found, same) = ticks(log, "live")
    assert found == same == sorted(found)
    assert found == [T0 - GRACE + timedelta(seconds=s) for s in (0, 1.1, 2.5)]


def test_live_ticks_come_as_the_second_begins_so_that_those_of_all_relays_come_together(relay, log, clock):
    for step in (0.9, 0.95, 1.0, 1.9, 2.0):
        clock.now = T0 + timedelta(seconds=step)
        relay.turn()
    assert ticks(log, "live") == [[T0 - GRACE + timedelta(seconds=s) for s in (0.9, 1, 2)]] * 2
    clock.now = T0 + timedelta(seconds=2.75)
    assert relay._until_tick() == 0.25


def test_a_large_import_does_not_keep_the_live_case_waiting(relay, outbox, log):
    for number in range(CHUNK * (CHUNKS_A_TURN + 2)):
        outbox.add(f"i{number:05}", "boston", T0)
    outbox.add("live-case", "live", T0)
    relay.turn()
    assert ("live-case", 1) in events(log)
    assert len(outbox.cases) == CHUNK * 2


def test_what_the_broker_did_not_take_stays_and_is_published_again_with_the_same_ids(relay, outbox, log):
    for case in "abcdef":
        outbox.add(case, "live", T0, T0)
    log.fail = 5
    with pytest.raises(KafkaError):
        relay.turn()
    assert len(outbox.cases) == 6
    assert outbox.acknowledged == []
    relay.turn()
    by_case = {}
    for part in log.written:
        for event in part:
            if event.subject != "clock":
                by_case.setdefault(event.subject, {}).setdefault(event.id, event.sequence)
    assert {case: list(found.values()) for case, found in by_case.items()} == {case: [1, 2] for case in "abcdef"}


def test_a_decree_goes_into_every_partition_once_for_each_name(relay, outbox, log):
    decree = CalendarDecreedV1(year=2027, version="cn-2027", holidays=[], makeup_workdays=[])
    outbox.ticks = [Request(1, "live", to_micros(T0), encode_json(decree))] * 2
    relay.turn()
    found = [[e for e in part if e.subject == "calendar"] for part in log.written]
    assert [[e.data for e in part] for part in found] == [[decree, decree]] * 2
    assert [len({e.id for e in part}) for part in found] == [1, 1]


def test_a_tick_that_could_not_be_published_is_still_asked_for(relay, outbox, log):
    outbox.ticks = [Request(1, "boston", to_micros(T0))]
    log.fail = 1
    with pytest.raises(KafkaError):
        relay.turn()
    assert len(outbox.ticks) == 1
    relay.turn()
    assert ticks(log, "boston") == [[T0, T0], [T0]]
    assert outbox.ticks == []


def test_running_repeats_what_failed_and_ends_when_told(relay, outbox, log, clock):
    outbox.add("a", "live", T0)
    log.fail = 0
    stop = threading.Event()
    thread = threading.Thread(target=relay.run, args=(stop,))
    thread.start()
    deadline = threading.Event()
    for _ in range(200):
        if not outbox.cases:
            break
        deadline.wait(0.02)
    stop.set()
    thread.join(5)
    assert not thread.is_alive()
    assert events(log) == [("a", 1)]
    assert log.closed == 2
    assert relay.ready


def test_what_waits_for_a_broker_that_was_never_there_is_told(outbox, log, clock, monkeypatch):
    """A relay that starts while the broker is away comes to no tick, and its outbox is alarmed on all the same."""

    def away():
        raise KafkaError("no broker")

    monkeypatch.setattr(log, "partitions", away)
    relay = Relay("waits", "complaints.v1", lambda: outbox, log, clock, grace=GRACE, tick_every=SECOND)
    outbox.add("a", "live", T0 - 90 * SECOND)
    stop = threading.Event()
    thread = threading.Thread(target=relay.run, args=(stop,))
    thread.start()
    try:
        eventually(lambda: REGISTRY.get_sample_value("duban_outbox_cases", {"service": "waits"}) == 1)
        eventually(lambda: REGISTRY.get_sample_value("duban_outbox_age_seconds", {"service": "waits"}) == 90)
    finally:
        stop.set()
        thread.join(5)
