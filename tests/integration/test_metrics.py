"""Key figures on a real Kafka and a real MongoDB server: the same log read again gives the same figures."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from kafka import KafkaProducer
from pymongo import MongoClient

from deploy.embedded.stack import Stack
from services.contracts.codec import encode
from services.contracts.identifiers import name_of
from services.metrics.domain.kpis import kpis
from services.metrics.mongo import MongoRecords
from services.metrics.service import Tally
from services.shared.access import Principal
from services.shared.auth import load_key, mint
from tests.support.alerts import T0, alert, record
from tests.support.processes_of_sources import Process
from tests.support.stack import eventually
from tests.unit.metrics.test_kpis import LIFE, received

pytestmark = pytest.mark.stack


@pytest.fixture
def records(infra: Stack) -> Iterator[MongoRecords]:
    client: MongoClient[dict[str, Any]] = MongoClient(infra.mongo)
    name = f"test_metrics_{uuid4().hex[:8]}"
    yield MongoRecords(client, name)
    client.drop_database(name)


def test_reading_the_log_again_gives_the_same_figures(records: MongoRecords) -> None:
    batch = [r for n in range(30) for r in received(f"case-{n}", *LIFE[: 1 + n % 5])]
    batch += [record(alert(f"case-{n}", agency="housing")) for n in range(0, 30, 3)]
    tally = Tally(records)
    for start in range(0, len(batch), 7):
        tally.handle(batch[start : start + 7])
    first = records.counts()
    tally.handle(batch)
    tally.handle(batch[40:])
    assert records.counts() == first
    housing = next(k for k in kpis(first.cases, first.alarms, first.overdue) if k.agency == "housing")
    assert (housing.cases, housing.responded, housing.concluded, housing.replied) == (24, 18, 12, 6)
    assert housing.overdue_cases == 10
    assert housing.alerts_open == {"yellow": 10}


def test_figures_go_from_kafka_to_the_api_within_scope(infra: Stack) -> None:
    timeline = f"test-{uuid4().hex[:8]}"
    producer = KafkaProducer(bootstrap_servers=infra.brokers.split(","), acks="all")
    for agency in ("housing", "finance"):
        for sequence, data in enumerate(_life(agency), 1):
            case = f"complaint-{timeline}-{agency}"
            value = encode(data, id=name_of(case, sequence), source="/complaints", subject=case, time=T0,
                           sequence=sequence, timeline=timeline)  # fmt: skip
            producer.send("complaints.v1", key=case.encode(), value=value)
    producer.flush()
    consume = Process(infra, "metrics", "consume").ready()
    serve = Process(infra, "metrics", "serve").ready()
    try:
        key = load_key(infra.plan.signing_key_file)

        def agencies(**who: str) -> set[str]:
            role = who.pop("role", "office")
            token = mint(Principal("test", frozenset({role}), **who), 60, key)
            answer = httpx.get(f"{serve.url}/v1/kpis?timeline={timeline}", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 200, answer.text
            return {item["agency"] for item in answer.json()["items"]}

        eventually(lambda: agencies() == {"housing", "finance"}, 40)
        assert agencies(role="agency", agency="finance") == {"finance"}
        assert agencies(role="supervisor", group="g2") == {"housing"}
        gauges = httpx.get(f"{serve.url}/metrics").text
        assert f'duban_response_rate{{agency="finance",timeline="{timeline}"}} 1.0' in gauges
        assert "complaint-" not in gauges, "a case is no label"
    finally:
        consume.stop()
        serve.kill()


def _life(agency: str) -> list[Any]:
    import msgspec

    return [msgspec.structs.replace(data, agency=agency) for data in LIFE]
