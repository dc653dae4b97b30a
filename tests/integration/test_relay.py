"""The relay on a real broker: order, kills at the worst moment, the broker away, two at once."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from pymongo import MongoClient

from services.contracts.identifiers import new_id
from tests.support.processes_of_sources import Process, bearer, cases, firsts, records, running
from tests.support.stack import answered, eventually

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]
PATIENCE = 150.0  # of a machine that is busy with other things
TOPIC = "complaints.v1"
STEPS = [
    ("file", {"channel": "open311"}), ("accept", {}), ("dispatch", {"agency": "tax"}),
    ("conclude", {"agency": "tax", "finding": "verified"}), ("reply", {}),
]  # fmt: skip


@pytest.fixture(scope="module")
def complaints(infra):
    with running(infra, "complaints", "serve") as process:
        yield process


@pytest.fixture
def waiting(infra):
    """How many cases of a timeline (of any, without one) the relay still has to publish."""
    with MongoClient(infra.mongo) as client:
        documents = client.duban_complaints.complaints
        yield lambda timeline: documents.count_documents({"pending.timeline": timeline})


class Log:
    """An imported log: day n holds step n of every case."""

    def __init__(self, infra, complaints, size):
        self.timeline, self.size = f"log-{new_id()}", size
        self._client = httpx.Client(base_url=complaints.url, headers=bearer(infra, "importer"), timeout=60)

    def day(self, day):
        name, data = STEPS[day - 1]
        lines = [
            {"source_ref": str(case), "ordinal": day, "command": name, "data": data, "occurred_at": at(day, 8)}
            for case in range(self.size)
        ]
        body = {"timeline": self.timeline, "commands": lines}
        answer = answered(lambda: self._client.post("/v1/imports", json=body)).json()
        assert answer["applied"] + answer["repeated"] == self.size, answer

    def tick(self, day):
        body = {"timeline": self.timeline, "as_of": at(day, 0)}
        answer = answered(lambda: self._client.post("/v1/ticks", json=body))
        assert answer.status_code == 202

    def send(self, days=range(1, 6)):
        for day in days:
            self.tick(day)
            self.day(day)
        self.tick(6)


def at(day, hour):
    return f"2015-01-{day:02d}T{hour:02d}:00:00Z"


def assert_whole(found, log):
    """Every event is there, in order per case, and no tick stands before an event that it covers."""
    by_case = cases(found)
    assert len(by_case) == log.size
    assert all(firsts(events) == [1, 2, 3, 4, 5] for events in by_case.values())
    for events in found.values():
        seen, covered = set(), None
        for event in events:
            if event.subject == "clock":
                covered = max(covered or event.data.as_of, event.data.as_of)
            elif (event.subject, event.sequence) not in seen:
                assert covered is None or event.time >= covered
                seen.add((event.subject, event.sequence))
        assert {e.data.as_of.day for e in events if e.subject == "clock"} == {1, 2, 3, 4, 5, 6}


def waiting_ticks(infra, log):
    with MongoClient(infra.mongo) as client:
        return client.duban_complaints.ticks.count_documents({"timeline": log.timeline})


def published(infra, log, waiting):
    """Everything of the log, once nothing waits any more."""
    eventually(lambda: not waiting(log.timeline) and not waiting_ticks(infra, log), PATIENCE)
    return records(infra, TOPIC, log.timeline)


def test_a_log_with_its_ticks_is_published_whole_and_in_order(infra, complaints, waiting):
    log = Log(infra, complaints, 700)  # more than a chunk: the cursor goes on while its documents change
    with running(infra, "complaints", "relay") as relay:
        log.send()
        found = published(infra, log, waiting)
        eventually(lambda: relay.metric("duban_outbox_cases", service="complaints") == 0, PATIENCE)
        assert relay.metric("duban_relay_published_total", service="complaints") >= 5 * log.size
    assert_whole(found, log)
    assert sum(len(events) for events in cases(found).values()) == 5 * log.size, "no copies without a kill"


@pytest.mark.parametrize(
    "failpoint",
    [
        "relay.read.before:9",
        "relay.publish.before:2",
        "relay.publish.after@complaint.filed.v1",
        "relay.publish.after@complaint.dispatched.v1",
        "relay.mark.after:2",
        "relay.publish.after@clock.ticked.v1:2",
    ],
)
def test_a_relay_killed_before_or_after_any_of_its_steps_loses_nothing(infra, complaints, waiting, failpoint):
    log = Log(infra, complaints, 40)
    dying = Process(infra, "complaints", "relay", DUBAN_FAILPOINT=failpoint)
    try:
        for day in range(1, 6):
            log.tick(day)
            log.day(day)
            eventually(
                lambda: dying.ended() is not None or not (waiting(log.timeline) or waiting_ticks(infra, log)), PATIENCE
            )
        log.tick(6)
        assert dying.process.wait(PATIENCE) == -9
    finally:
        dying.kill()
    with running(infra, "complaints", "relay"):
        found = published(infra, log, waiting)
    assert_whole(found, log)
    if failpoint.startswith("relay.publish.after@complaint"):
        copies = sum(len(events) for events in cases(found).values()) - 5 * log.size
        assert copies > 0, "the kill came too early to test anything"


def test_two_relays_at_once_are_harmless(infra, complaints, waiting):
    log = Log(infra, complaints, 150)
    with running(infra, "complaints", "relay"), running(infra, "complaints", "relay"):
        log.send()
        found = published(infra, log, waiting)
    assert_whole(found, log)


def test_a_broker_that_is_away_is_waited_for(infra, complaints, waiting):
    log = Log(infra, complaints, 60)
    with running(infra, "complaints", "relay") as relay:
        log.send(range(1, 3))
        infra.hold("kafka-1")
        try:
            log.send(range(3, 6))
            live = httpx.post(f"{complaints.url}/v1/cases", json={"channel": "website"}, timeout=60).json()["case_id"]
            eventually(lambda: relay.metric("duban_outbox_cases", service="complaints") > 0, PATIENCE)
            eventually(lambda: relay.metric("duban_outbox_age_seconds", service="complaints") > 2, PATIENCE)
            assert relay.ended() is None
        finally:
            infra.release("kafka-1")
        eventually(lambda: not waiting("live"), PATIENCE)
        found = published(infra, log, waiting)
    assert live in cases(records(infra, TOPIC, "live"))
    by_case = cases(found)
    assert all(firsts(events) == [1, 2, 3, 4, 5] for events in by_case.values())
    assert len(by_case) == log.size


def test_live_ticks_go_on_and_no_live_event_comes_after_one_that_covers_it(infra, complaints, waiting):
    """An event may be dated and not be stored yet for as long as the grace, no longer: a filing that took longer, as on
    a machine that is busy, may be overtaken. Which took how long is measured by who files."""
    grace, stop, seconds = 1.0, threading.Event(), {}

    def file():
        with httpx.Client(base_url=complaints.url, timeout=60) as client:
            while not stop.is_set():
                begun, key = time.monotonic(), {"Idempotency-Key": new_id()}
                answer = answered(lambda key=key: client.post("/v1/cases", json={"channel": "website"}, headers=key))
                assert answer.status_code == 201
                seconds[answer.json()["case_id"]] = time.monotonic() - begun

    settings = {"DUBAN_TICK_SECONDS": "0.2", "DUBAN_GRACE_SECONDS": str(grace)}
    with running(infra, "complaints", "relay", **settings) as relay, ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(file) for _ in range(3)]
        try:
            eventually(
                lambda: len(seconds) > 20 and relay.metric("duban_relay_ticks_total", service="complaints") > 8,
                PATIENCE,
            )
        finally:
            stop.set()
        for writer in writers:
            writer.result()
        eventually(lambda: not waiting("live"), PATIENCE)
    found = records(infra, TOPIC, "live").values()
    prompt = {case for case, taken in seconds.items() if taken < grace}
    assert len(prompt) > 10, "hardly a filing was prompt: nothing was tested"
    assert prompt <= {event.subject for events in found for event in events}
    late = set()
    for events in found:
        covered = None
        for event in events:
            if event.subject == "clock":
                covered = max(covered or event.data.as_of, event.data.as_of)
            elif covered and event.time < covered:
                late.add(event.subject)
    assert late & prompt == set()
