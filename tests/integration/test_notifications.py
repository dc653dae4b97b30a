"""Notifications on a real Kafka and a real MongoDB server: nothing lost, nothing twice, whatever dies when."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient
from pymongo import MongoClient
from pymongo.errors import BulkWriteError

from deploy.embedded.stack import Stack
from services.contracts.alerts import AlertEscalatedV1
from services.contracts.topics import DEAD_LETTERS
from services.notifications.domain.directory import Directory
from services.notifications.domain.queries import AlertQuery, Scope
from services.notifications.memory import MemoryAlerts
from services.notifications.mongo import MongoAlerts
from services.notifications.service import Inbox
from services.shared import dead_letter_box
from services.shared.access import Principal
from services.shared.auth import load_key, mint
from tests.support.alerts import T0, alert, record, settled, tick
from tests.support.processes_of_sources import Process
from tests.support.seed_board import Board
from tests.support.stack import eventually
from tests.unit.notifications.test_inbox import CITY

pytestmark = pytest.mark.stack
ALL = Scope()


@pytest.fixture
def mongo(infra: Stack) -> Iterator[MongoAlerts]:
    client: MongoClient[dict[str, Any]] = MongoClient(infra.mongo)
    name = f"test_notifications_{uuid4().hex[:8]}"
    store = MongoAlerts(client, name)
    store.ensure_indexes()
    yield store
    client.drop_database(name)


@pytest.fixture
def timeline() -> str:
    return f"test-{uuid4().hex[:8]}"


@pytest.fixture
def board(infra: Stack) -> Board:
    return Board(infra.brokers, infra.plan.partitions)


@pytest.fixture
def empty_letter_box(infra: Stack) -> Iterator[None]:
    """Leaves no letter behind: other tests read the same box."""
    yield
    box, admin = TopicPartition(DEAD_LETTERS, 0), KafkaAdminClient(bootstrap_servers=infra.brokers)
    try:
        admin.delete_records({box: -1}, timeout_ms=15_000)  # -1: up to the end
    finally:
        admin.close()


class Api:
    """The running API, asked as the office."""

    def __init__(self, stack: Stack, url: str) -> None:
        token = mint(Principal("test", frozenset({"office"})), 600, load_key(stack.plan.signing_key_file))
        self.http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30)

    def get(self, path: str) -> Any:
        answer = self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def consumer(infra: Stack) -> Iterator[Process]:
    process = Process(infra, "notifications", "consume").ready()
    yield process
    process.stop()


@pytest.fixture(scope="module")
def api(infra: Stack) -> Iterator[Api]:
    process = Process(infra, "notifications", "serve").ready()
    yield Api(infra, process.url)
    process.stop()


def fill(store: MemoryAlerts | MongoAlerts) -> None:
    inbox = Inbox(store, Directory.of(CITY), now_ms=lambda: 10_000)
    severities = ["red", "yellow", "warning", "notice", "yellow", "red", "yellow"]
    raised = [
        alert(f"case-{n}", severity=s, agency=["finance", "housing"][n % 2], due_at=T0 + timedelta(hours=n // 2),
              source_ref=f"ref-{n}")
        for n, s in enumerate(severities)
    ]  # fmt: skip
    raised.append(alert("case-7", rule="ping-pong", agency="housing", agencies=["housing", "market"]))
    batch = [record(a, cause_ts=10_000 - n * 10) for n, a in enumerate(raised)]
    batch.append(record(settled(raised[1], T0 + timedelta(days=1)), cause_ts=9_000))
    marks = [tick("facts.v1-1", T0, partition=2), tick("complaints.v1-0", T0 + timedelta(microseconds=1))]
    inbox.handle([*batch, *marks])
    inbox.handle(batch[3:])


def test_the_database_says_what_memory_says(mongo: MongoAlerts) -> None:
    memory = MemoryAlerts()
    fill(memory)
    fill(mongo)
    scopes = [ALL, Scope(city=False), Scope(city=False, agencies=frozenset({"housing"}), groups=frozenset({"g2"}))]
    scopes += [Scope(city=False, agencies=frozenset({agency})) for agency in ("housing", "market")]
    scopes += [Scope(city=False, groups=frozenset({group})) for group in ("g1", "g2", "unassigned")]
    queries = [
        AlertQuery(), AlertQuery(sort="worst"), AlertQuery(severity="yellow"), AlertQuery(state="settled"),
        AlertQuery(source_ref="ref-3"), AlertQuery(text="case-4"), AlertQuery(text=alert("case-2").alert_id[:9]),
        AlertQuery(timeline="other"), AlertQuery(raised_from_us=int(T0.timestamp() * 1e6) + 3_600_000_000),
    ]  # fmt: skip
    for query in queries:
        for scope in scopes:
            assert mongo.page(query, scope) == memory.page(query, scope), query
            assert mongo.counts(query, scope, "severity") == memory.counts(query, scope, "severity")
            assert mongo.by_severity(query, scope, "agency") == memory.by_severity(query, scope, "agency")
            assert mongo.feed(2, query, scope, 3) == memory.feed(2, query, scope, 3)
    between = alert("case-7", rule="ping-pong").alert_id
    for scope in (Scope(city=False, groups=frozenset({"g2"})), Scope(city=False, agencies=frozenset({"market"}))):
        assert [item["alert_id"] for item in mongo.page(AlertQuery(), scope)[0]] == [between]
        assert mongo.alert(between, scope)
        assert mongo.alert(between, scope) == memory.alert(between, scope)
        assert mongo.by_prefix(between[:9], scope, 2) == memory.by_prefix(between[:9], scope, 2) == [between]
        assert mongo.timelines(scope) == memory.timelines(scope)
    for sort in ("newest", "worst"):
        assert pages(mongo, sort) == pages(memory, sort)
    assert mongo.marks("live") == memory.marks("live")
    assert mongo.latency("live") == memory.latency("live")
    assert mongo.timelines(ALL) == memory.timelines(ALL) == ["live"]
    assert mongo.history(alert("case-1").alert_id) == memory.history(alert("case-1").alert_id)


def pages(store: MemoryAlerts | MongoAlerts, sort: str) -> list[str]:
    seen, after = [], None
    while True:
        items, after = store.page(AlertQuery(sort=sort, limit=2, after=after), ALL)
        seen += [item["case_ref"] for item in items]
        if after is None:
            return seen


def test_two_writers_at_once_leave_one_feed_without_gap_or_repeat(mongo: MongoAlerts) -> None:
    """Two copies of the inbox may both believe they own a partition for a moment."""
    batches = [[record(alert(f"c{n}")) for n in range(start, start + 8)] for start in range(0, 80, 4)]

    def write(mine: list[list[Any]]) -> None:
        inbox = Inbox(mongo, Directory.of(None), now_ms=lambda: 0)
        for batch in mine:
            for _ in range(50):
                try:
                    inbox.handle(batch)
                    break
                except BulkWriteError:
                    continue
            else:
                raise AssertionError("never got through")

    writers = [threading.Thread(target=write, args=(batches[n:],)) for n in (0, 3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    feed = mongo.feed(0, AlertQuery(), ALL, 1000)
    assert [e.position for e in feed] == list(range(1, 85))
    assert len({e.item["alert_id"] for e in feed}) == 84


def test_an_alert_goes_from_kafka_to_the_api(
    consumer: Process, api: Api, board: Board, timeline: str, infra: Stack
) -> None:
    raised = alert("case-1", timeline=timeline, source_ref="case-10011", due_at=T0.replace(microsecond=999_999))
    board.put(raised)
    board.put(alert("case-1", AlertEscalatedV1, timeline=timeline, version=2, severity="red", due_at=raised.due_at))
    board.tick(T0, timeline)
    board.flush()
    eventually(lambda: api.get(f"/v1/watermarks?timeline={timeline}")["as_of"])
    found = api.get(f"/v1/watermarks?timeline={timeline}")
    marks = 5 * infra.plan.partitions * infra.plan.partitions
    assert found == {
        "timeline": timeline, "as_of": "2026-03-02T01:00:00Z", "sources_expected": marks, "sources_seen": marks,
    }  # fmt: skip
    items = api.get(f"/v1/alerts?timeline={timeline}")["items"]
    assert [(i["version"], i["severity"], i["due_at"]) for i in items] == [(2, "red", "2026-03-02T01:00:00.999999Z")]
    assert items[0]["group"] == "g2"  # of the agency housing in policies/city.yaml
    latency = api.get(f"/v1/latency?timeline={timeline}")
    assert latency["count"] == 2
    assert 0 <= latency["p50_ms"] <= latency["p99_ms"] < 20_000


@pytest.mark.parametrize(
    "place", ["inbox.upsert.before", "inbox.upsert.after", "inbox.feed.after", "inbox.marks.after"]
)
def test_killed_between_two_writes_nothing_is_lost_or_doubled(
    infra: Stack, api: Api, board: Board, timeline: str, place: str
) -> None:
    doomed = Process(infra, "notifications", "consume", DUBAN_FAILPOINT=place)
    cases = [alert(f"case-{n}", timeline=timeline) for n in range(30)]
    for data in cases:
        board.put(data)
    board.tick(T0, timeline)
    board.flush()
    try:
        eventually(lambda: doomed.ended() is not None, 120)
    finally:
        doomed.kill()
    restarted = Process(infra, "notifications", "consume")
    try:
        restarted.ready()
        for data in cases:  # and supervision, killed too, publishes all of it again
            board.put(data)
        board.flush()
        eventually(lambda: api.get(f"/v1/watermarks?timeline={timeline}")["as_of"])
        feed = api.get(f"/feed?timeline={timeline}&limit=1000")["items"]
        assert sorted(e["alert_id"] for e in feed) == sorted(c.alert_id for c in cases)
        assert len(api.get(f"/v1/alerts?timeline={timeline}&limit=1000")["items"]) == 30
        whole = api.get("/feed?limit=1000")["items"]
        assert [e["position"] for e in whole] == list(range(whole[0]["position"], whole[0]["position"] + len(whole)))
    finally:
        restarted.stop()


def test_an_unreadable_record_is_kept_whole_and_holds_nobody_up(
    infra: Stack, consumer: Process, api: Api, board: Board, timeline: str, empty_letter_box: None
) -> None:
    nonsense = b'{"specversion":"1.0","type":"alert.raised.v9"}' + timeline.encode()
    board.put_raw(nonsense)
    board.put(alert("case-1", timeline=timeline))
    board.flush()
    eventually(lambda: api.get(f"/v1/alerts?timeline={timeline}")["items"])
    letters = eventually(
        lambda: [x for x in dead_letter_box.read(infra.brokers).letters if timeline in _text(x.data.value)]
    )
    assert [(x.data.topic, x.data.consumer) for x in letters] == [("alerts.v1", "notifications")]
    assert consumer.metric("duban_notifications_dead_letters_total", topic="alerts.v1") >= 1


def _text(value: str | None) -> str:
    from base64 import b64decode

    return b64decode(value or "").decode(errors="replace")


def test_the_stream_goes_on_where_the_reader_was(consumer: Process, api: Api, board: Board, timeline: str) -> None:
    for n in range(3):
        board.put(alert(f"case-{n}", timeline=timeline))
    board.flush()
    before = eventually(lambda: len(f := api.get(f"/feed?timeline={timeline}")["items"]) == 3 and f)
    headers = {"Accept": "text/event-stream", "Last-Event-ID": str(before[0]["position"])}
    with api.http.stream("GET", f"/feed?timeline={timeline}", headers=headers) as stream:
        events = _events(stream)
        assert [next(events) for _ in range(2)] == [e["alert_id"] for e in before[1:]]
        new = alert("case-new", timeline=timeline, due_at=datetime.now(UTC))
        board.put(new)
        board.flush()
        assert next(events) == new.alert_id


def _events(stream: httpx.Response) -> Iterator[str]:
    for line in stream.iter_lines():
        if line.startswith("data: {"):
            yield json.loads(line.removeprefix("data: "))["alert_id"]
