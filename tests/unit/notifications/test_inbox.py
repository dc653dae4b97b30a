"""The inbox: upserts by version, a feed without repeats, watermarks that only rise."""

from datetime import timedelta

import pytest

from services.contracts.alerts import AlertEscalatedV1
from services.contracts.instants import to_micros
from services.notifications.domain.directory import Directory
from services.notifications.domain.queries import AlertQuery, Scope
from services.notifications.domain.watermarks import expected, watermark
from services.notifications.memory import MemoryAlerts
from services.notifications.service import Inbox
from tests.support.alerts import T0, alert, record, settled, tick

CITY = {
    "groups": [
        {"code": "g1", "zh": "第一督导组", "en": "Group 1"},
        {"code": "g2", "zh": "第二督导组", "en": "Group 2"},
    ],
    "agencies": [
        {"code": "housing", "zh": "住建局", "en": "Housing", "group": "g1", "sections": []},
        {"code": "market", "zh": "市场监管局", "en": "Market supervision", "group": "g2", "sections": []},
    ],
}
ALL = Scope()


@pytest.fixture
def store() -> MemoryAlerts:
    return MemoryAlerts()


@pytest.fixture
def inbox(store: MemoryAlerts) -> Inbox:
    return Inbox(store, Directory.of(CITY), now_ms=lambda: 5_000)


def items(store: MemoryAlerts, **query: object) -> list[dict]:
    return store.page(AlertQuery(**query), ALL)[0]


def test_an_alert_gets_the_group_of_its_agency(inbox: Inbox, store: MemoryAlerts) -> None:
    inbox.handle([record(alert("a")), record(alert("b", agency="8171055"))])
    assert {i["agency"]: i["group"] for i in items(store)} == {"housing": "g1", "8171055": "unassigned"}


def test_a_lower_version_never_replaces_a_higher_one(inbox: Inbox, store: MemoryAlerts) -> None:
    raised = alert("a")
    late = settled(raised, T0 + timedelta(days=1))
    inbox.handle([record(late)])
    inbox.handle([record(raised)])
    assert [i["state"] for i in items(store)] == ["settled"]


def test_a_replay_adds_nothing_to_the_feed(inbox: Inbox, store: MemoryAlerts) -> None:
    raised = alert("a")
    batch = [record(raised), record(settled(raised, T0 + timedelta(days=1)), offset=1)]
    inbox.handle(batch)
    inbox.handle([*batch, *batch])
    feed = store.feed(0, AlertQuery(), ALL, 100)
    assert [(e.position, e.item["version"], e.change) for e in feed] == [(1, 1, "raised"), (2, 2, "settled")]


def test_a_crash_between_alert_and_feed_is_mended_by_the_same_batch(inbox: Inbox, store: MemoryAlerts) -> None:
    batch = [record(alert("a"))]
    inbox.handle(batch)
    store._feed.clear()
    inbox.handle(batch)
    assert [e.position for e in store.feed(0, AlertQuery(), ALL, 100)] == [1]


def test_an_escalation_changes_severity_in_place(inbox: Inbox, store: MemoryAlerts) -> None:
    inbox.handle([record(alert("a")), record(alert("a", AlertEscalatedV1, version=2, severity="red"))])
    assert [(i["severity"], i["version"]) for i in items(store)] == [("red", 2)]


def test_latency_counts_each_version_once(inbox: Inbox, store: MemoryAlerts) -> None:
    batch = [record(alert(str(n)), cause_ts=5_000 - n) for n in range(1, 101)]
    inbox.handle(batch)
    inbox.handle(batch)
    found = store.latency("live")
    assert found == {"timeline": "live", "count": 100, "p50_ms": 50, "p99_ms": 99, "max_ms": 100}


def test_worst_first_then_oldest_and_pages_join_without_gap(inbox: Inbox, store: MemoryAlerts) -> None:
    severities = ["notice", "red", "yellow", "warning", "red"]
    inbox.handle([record(alert(str(n), severity=s, due_at=T0 + timedelta(days=n))) for n, s in enumerate(severities)])
    seen, cursor = [], None
    while True:
        page, cursor = store.page(AlertQuery(sort="worst", limit=2, after=cursor), ALL)
        seen += [i["case_ref"] for i in page]
        if cursor is None:
            break
    assert seen == ["1", "4", "2", "3", "0"]


def test_a_scope_shows_its_own_agency_only(inbox: Inbox, store: MemoryAlerts) -> None:
    inbox.handle([record(alert("a")), record(alert("b", agency="finance"))])
    mine = Scope(city=False, agencies=frozenset({"finance"}))
    assert [i["agency"] for i in store.page(AlertQuery(), mine)[0]] == ["finance"]
    assert store.page(AlertQuery(agency="housing"), mine)[0] == []
    assert store.alert(alert("a").alert_id, mine) is None
    assert store.counts(AlertQuery(), mine, "severity") == {"yellow": 1}


def test_the_watermark_waits_for_every_source_in_every_partition(inbox: Inbox, store: MemoryAlerts) -> None:
    topics = ("complaints.v1", "approvals.v1", "inspections.v1", "directives.v1", "facts.v1", "alerts.v1")
    wanted = expected(dict.fromkeys(topics, 2))
    assert len(wanted) == 20
    ticks = [tick(source, T0 + timedelta(hours=n), partition=p) for n, (source, p) in enumerate(sorted(wanted))]
    inbox.handle(ticks[1:])
    found = watermark("live", store.marks("live"), wanted)
    assert (found.as_of_us, found.sources_seen) == (None, 19)
    inbox.handle(ticks)
    assert watermark("live", store.marks("live"), wanted).as_of_us == to_micros(T0)


def test_a_replayed_tick_does_not_turn_the_watermark_back(inbox: Inbox, store: MemoryAlerts) -> None:
    inbox.handle([tick("facts.v1-0", T0 + timedelta(hours=1))])
    inbox.handle([tick("facts.v1-0", T0)])
    assert store.marks("live") == {("facts.v1-0", 0): to_micros(T0 + timedelta(hours=1))}


def test_a_mistake_in_the_city_policy_is_named() -> None:
    with pytest.raises(ValueError, match=r"city policy: .*agencies"):
        Directory.of({"agencies": [{"zh": "无代码"}]})


def test_a_filter_value_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="state must be one of"):
        AlertQuery(state="closed")
    with pytest.raises(ValueError, match="not a cursor"):
        MemoryAlerts().page(AlertQuery(after="!"), ALL)
