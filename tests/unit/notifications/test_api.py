"""The JSON API on alerts in memory: filters, cursors, scopes and problem details."""

from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from services.notifications.domain.directory import Directory
from services.notifications.memory import MemoryAlerts
from services.notifications.service import Inbox
from services.notifications.web.app import build
from services.shared.access import Principal
from services.shared.auth import create_key, load_key, mint
from services.shared.settings import Settings
from tests.support.alerts import T0, alert, record, settled, tick
from tests.unit.notifications.test_inbox import CITY


class City:
    """A client of the board's application, signed in by role."""

    def __init__(self, folder: Path) -> None:
        key_file = folder / "signing.jwk"
        create_key(key_file)
        self.key = load_key(key_file)
        self.alerts = MemoryAlerts()
        directory = Directory.of(CITY)
        self.inbox = Inbox(self.alerts, directory, now_ms=lambda: 1_000)
        settings = Settings(signing_key_file=key_file, users_file=folder / "users.yaml", partitions=1)
        self.http = TestClient(build(self.alerts, directory, settings), follow_redirects=False)

    def get(self, path: str, role: str = "office", agency: str | None = None, group: str | None = None, **headers: str):
        token = mint(Principal(f"test-{role}", frozenset({role}), agency, group), 60, self.key)
        return self.http.get(path, headers={"Authorization": f"Bearer {token}", **headers})


@pytest.fixture
def city(tmp_path: Path) -> City:
    return City(tmp_path)


def test_alerts_are_found_by_every_filter(city: City) -> None:
    red = alert("a", severity="red", agency="finance", timeline="city-7", rule="unanswered", source_ref="case-10011")
    city.inbox.handle([record(red), *(record(alert(f"b{n}")) for n in range(3))])
    for filters in ("severity=red", "agency=finance", "timeline=city-7", "rule=unanswered", "source_ref=case-10011"):
        found = city.get(f"/v1/alerts?{filters}").json()
        assert [i["alert_id"] for i in found["items"]] == [red.alert_id], filters
    item = city.get("/v1/alerts?severity=red&state=open&group=unassigned").json()["items"][0]
    assert item["explanation"]["zh"]
    assert item["trail"][0]["step"] == "started"
    assert (item["settled_at"], item["due_at"]) == (None, "2026-03-02T01:00:00Z")


def test_cursor_paging_sees_each_alert_once(city: City) -> None:
    city.inbox.handle([record(alert(f"c{n:03}", due_at=T0 + timedelta(hours=n % 7))) for n in range(25)])
    seen, after = [], ""
    while after is not None:
        page = city.get(f"/v1/alerts?limit=4&after={after}").json()
        seen += [i["alert_id"] for i in page["items"]]
        after = page["next"]
    assert len(seen) == len(set(seen)) == 25


@pytest.mark.parametrize("query", ["severity=blue", "state=shut", "after=%21", "limit=0", "sort=best"])
def test_a_bad_query_is_a_problem(city: City, query: str) -> None:
    answer = city.get(f"/v1/alerts?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


def test_roles_see_their_scope(city: City) -> None:
    city.inbox.handle([record(alert("a")), record(alert("b", agency="finance"))])
    agencies = lambda **who: sorted(i["agency"] for i in city.get("/v1/alerts", **who).json()["items"])  # noqa: E731
    assert agencies(role="leader") == ["finance", "housing"]
    assert agencies(role="agency", agency="finance") == ["finance"]
    assert agencies(role="supervisor", group="g1") == ["housing"]
    hidden = city.get(f"/v1/alerts/{alert('a').alert_id}", role="agency", agency="finance")
    assert hidden.status_code == 404
    assert city.get("/v1/alerts", role="clerk").status_code == 403
    assert city.http.get("/v1/alerts").status_code == 401


def test_an_alert_about_two_agencies_is_shown_to_both_and_to_both_their_groups(city: City) -> None:
    between = alert("a", rule="ping-pong", agency="housing", agencies=["housing", "market"])
    city.inbox.handle([record(between), record(alert("b", agency="housing"))])
    for who, seen in (
        ({"role": "supervisor", "group": "g1"}, 2), ({"role": "supervisor", "group": "g2"}, 1),
        ({"role": "supervisor", "group": "g3"}, 0), ({"role": "agency", "agency": "housing"}, 2),
        ({"role": "agency", "agency": "market"}, 1), ({"role": "agency", "agency": "finance"}, 0),
    ):  # fmt: skip
        assert len(city.get("/v1/alerts", **who).json()["items"]) == seen, who
        assert len(city.get("/feed", **who).json()["items"]) == seen, who
        assert f'<span class="figure-number">{seen}</span>' in city.get("/", **who).text, who
        page = city.get(f"/alerts/{between.alert_id}", **who)
        assert page.status_code == (200 if seen else 404), who
    assert "<dd>住建局、市场监管局</dd>" in city.get(f"/alerts/{between.alert_id}").text
    assert "<dd>第一督导组、第二督导组</dd>" in city.get(f"/alerts/{between.alert_id}").text


def test_an_alert_is_found_by_the_beginning_of_its_id(city: City) -> None:
    raised = alert("a")
    city.inbox.handle([record(raised), record(settled(raised, T0 + timedelta(days=2)))])
    found = city.get(f"/v1/alerts/{raised.alert_id[:8]}").json()
    assert found["alert_id"] == raised.alert_id
    assert [(h["version"], h["state"], h["change"]) for h in found["history"]] == [
        (1, "open", "raised"), (2, "settled", "settled"),
    ]  # fmt: skip
    assert city.get("/v1/alerts/ffffffffff").status_code == 404


def test_the_feed_goes_on_after_a_position(city: City) -> None:
    city.inbox.handle([record(alert(f"c{n}")) for n in range(5)])
    first = city.get("/feed?limit=3").json()
    rest = city.get(f"/feed?after={first['next']}").json()
    assert [e["position"] for e in first["items"] + rest["items"]] == [1, 2, 3, 4, 5]
    assert city.get(f"/feed?after={rest['next']}").json() == {"items": [], "next": 5}
    assert city.get("/feed?after=soon").status_code == 422


def test_the_watermark_says_what_is_missing(city: City) -> None:
    sources = ["complaints.v1-0", "approvals.v1-0", "inspections.v1-0", "directives.v1-0", "facts.v1-0"]
    city.inbox.handle([tick(s, T0) for s in sources[:4]])
    expected = {"timeline": "live", "as_of": None, "sources_expected": 5, "sources_seen": 4}
    assert city.get("/v1/watermarks").json() == expected
    city.inbox.handle([tick(sources[4], T0 + timedelta(seconds=1))])
    assert city.get("/v1/watermarks?timeline=live").json()["as_of"] == "2026-03-02T01:00:00Z"
    assert city.get("/v1/watermarks?timeline=other").json()["sources_seen"] == 0


def test_latency_is_exact(city: City) -> None:
    city.inbox.handle([record(alert(f"c{n}"), cause_ts=1_000 - n) for n in (10, 20, 30)])
    assert city.get("/v1/latency").json() == {
        "timeline": "live", "count": 3, "p50_ms": 20, "p99_ms": 30, "max_ms": 30,
    }  # fmt: skip


def test_probes_and_metrics_need_no_token(city: City) -> None:
    assert city.http.get("/health/ready").json() == {"status": "ready"}
    assert "duban_event_to_alert_seconds" in city.http.get("/metrics").text
