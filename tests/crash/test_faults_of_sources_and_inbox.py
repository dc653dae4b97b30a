"""The ticker dead and twice alive, and a MongoDB that is killed under the inbox."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
import yaml
from pymongo import MongoClient

from deploy.embedded.plan import ROOT
from deploy.embedded.stack import Stack
from services.contracts.identifiers import new_id
from simulation.comparison import as_expected, difference
from simulation.oracle import expected
from tests.support.folding import POLICIES
from tests.support.processes_of_sources import Process, bearer, running
from tests.support.stack import eventually
from tests.torture import PATIENCE
from tests.torture.lives import Crew
from tests.torture.log import Log
from tests.torture.reader import Reader
from tests.torture.scenes import life_of
from tests.torture.towns import Sending

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]


def test_without_the_ticker_deadlines_are_late_and_with_two_none_is_lost_or_doubled(
    kafka: Stack, log: Log, reader: Reader, hands: Crew
) -> None:
    timeline, life = f"ticker-{new_id()}", life_of("complaint.signed.v1", 3)[:3]  # dispatched, and nothing more
    end = life[-1].occurred_at + timedelta(days=70)
    must = {alert for alert in expected(life, POLICIES, end) if alert.clock}  # repeats need the ticks of all sources
    hands.start("cases-1")
    with running(kafka, "complaints", "serve") as source:
        client = httpx.Client(base_url=source.url, headers=bearer(kafka, "importer"), timeout=60)
        with running(kafka, "complaints", "relay", DUBAN_TICK_SECONDS="0.2") as relay:
            lines = [
                {"source_ref": c.source_ref, "ordinal": c.ordinal, "command": c.command,
                 "data": yaml.safe_load(bytes(c.data)), "occurred_at": c.occurred_at.isoformat()}
                for c in life
            ]  # fmt: skip
            answer = client.post("/v1/imports", json={"timeline": timeline, "commands": lines}).json()
            assert answer["applied"] == len(life), answer
            eventually(lambda: _waiting(kafka, timeline) == 0, PATIENCE)
            eventually(lambda: relay.metric("duban_relay_ticks_total", service="complaints") > 0)
        assert client.post("/v1/ticks", json={"timeline": timeline, "as_of": end.isoformat()}).status_code == 202
        eventually(lambda: log.covered("cases"), PATIENCE)
        late, wrong = difference(reader.alerts(timeline), must)
        assert late, "what is due behind the last event is not known to be late yet"
        assert all(alert.state == "open" for alert in wrong), "nobody is accused of more than is so far"
        with (
            running(kafka, "complaints", "relay", DUBAN_TICK_SECONDS="0.2"),
            running(kafka, "complaints", "relay", DUBAN_TICK_SECONDS="0.2"),
        ):
            eventually(lambda: difference(reader.alerts(timeline), must) == ([], []), PATIENCE)
    assert must
    assert reader.wrong == []
    rules = yaml.safe_load((ROOT / "deploy" / "prometheus" / "rules.yml").read_text())["groups"][0]["rules"]
    by_name = {rule["alert"]: rule["expr"] for rule in rules}
    assert "duban_relay_ticks_total" in by_name["TickerDead"]
    assert by_name["ProcessDown"] == "up == 0", "the relay itself may be gone, and its metric with it"


def test_the_inbox_goes_on_when_mongo_has_been_killed(kafka: Stack, log: Log, reader: Reader, hands: Crew) -> None:
    city = Sending.of(seed=61, kafka=kafka)
    hands.start("subjects-1", "subjects")
    hands.start("cases-1", DUBAN_BATCH="50")
    with running(kafka, "notifications", "consume") as inbox, running(kafka, "notifications", "serve") as board:
        first, second = city.parts(2)
        log.append(first)
        eventually(lambda: _shown(kafka, board, city.timeline), PATIENCE)
        kafka.kill("mongo")
        log.append(second)
        city.await_end(reader)
        kafka.wait_ready("mongo")
        eventually(lambda: difference(_shown(kafka, board, city.timeline), city.expected) == ([], []), PATIENCE)
        assert inbox.ended() is None


def _waiting(stack: Stack, timeline: str) -> int:
    with MongoClient[dict[str, Any]](stack.mongo) as client:
        return client.duban_complaints.complaints.count_documents({"pending.timeline": timeline})


def _shown(stack: Stack, board: Process, timeline: str) -> list[Any]:
    """What the board shows of a timeline; nothing while it cannot answer."""
    found: list[Any] = []
    after: dict[str, str] = {}
    with httpx.Client(base_url=board.url, headers=bearer(stack, "office"), timeout=30) as client:
        while True:
            answer = client.get("/v1/alerts", params={"timeline": timeline, "limit": 500, **after})
            if answer.status_code != 200:
                return []
            found += [as_expected(item) for item in answer.json()["items"]]
            if not answer.json().get("next"):
                return found
            after = {"after": answer.json()["next"]}
