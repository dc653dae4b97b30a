"""Puts made-up alerts on alerts.v1, so that the board has something to show. For tests of the pages and for looking.

`python -m tests.support.seed_board --brokers 127.0.0.1:19092 [--alerts 120] [--follow]`
"""

import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
import yaml
from kafka import KafkaProducer

from services.contracts.alerts import AlertEscalatedV1, AlertRaisedV1, AlertSettledV1, AlertV1, TrailStep
from services.contracts.clock import ClockTickedV1
from services.contracts.codec import encode
from services.contracts.identifiers import alert_id, name_of
from services.contracts.topics import ALERTS, FACTS, SOURCE_TOPICS

CLOCKS = {
    "promised": ("overdue", "承诺时限", "promised limit", "approval"),
    "statutory": ("overdue", "法定期限", "statutory limit", "approval"),
    "stage:survey": ("overdue", "环节：现场踏勘", "stage: site survey", "approval"),
    "conclusion": ("overdue", "办结", "conclusion", "complaint"),
    "response": ("overdue", "首次响应", "first response", "complaint"),
    "reply": ("unanswered", "回复", "reply", "complaint"),
}


class Board:
    """Writes alerts and ticks as supervision would."""

    def __init__(self, brokers: str, partitions: int = 4) -> None:
        self._producer = KafkaProducer(bootstrap_servers=brokers.split(","), acks="all", linger_ms=5)
        self._partitions = partitions

    def put(self, data: AlertV1, *, cause_ts: int | None = None) -> None:
        value = encode(
            data, id=name_of("effect", data.alert_id, data.version), source="/supervision/cases", subject=data.alert_id,
            time=data.raised_at, sequence=data.version, timeline=data.timeline,
        )  # fmt: skip
        cause = cause_ts if cause_ts is not None else time.time_ns() // 1_000_000
        self._producer.send(
            ALERTS, key=data.alert_id.encode(), value=value, headers=[("cause-ts", str(cause).encode())]
        )

    def put_raw(self, value: bytes, partition: int = 0) -> None:
        self._producer.send(ALERTS, value=value, partition=partition)

    def tick(self, as_of: datetime, timeline: str = "live") -> None:
        for partition in range(self._partitions):
            for source in (f"{t}-{p}" for t in (*SOURCE_TOPICS, FACTS) for p in range(self._partitions)):
                data = ClockTickedV1(as_of=as_of, source=source)
                value = encode(
                    data, id=name_of("tick", timeline, source, as_of.isoformat()), source="/supervision/cases",
                    subject="clock", time=as_of, sequence=1, timeline=timeline,
                )  # fmt: skip
                self._producer.send(ALERTS, key=b"clock", value=value, partition=partition)

    def flush(self) -> None:
        self._producer.flush()


def made_up(
    count: int, now: datetime, timeline: str = "live", seed: int = 7, ref: str | None = None
) -> Iterator[AlertV1]:
    """Alerts of every severity and state on the agencies of policies/city.yaml, due in the last three weeks."""
    rng = random.Random(seed)
    city = yaml.safe_load(Path("policies/city.yaml").read_text("utf-8"))
    agencies = city["agencies"]
    for n in range(count):
        agency = rng.choices(agencies, weights=[1 / (1 + i % 9) for i in range(len(agencies))])[0]
        section = rng.choice(agency["sections"])
        clock = rng.choice(list(CLOCKS))
        rule, zh, en, kind = CLOCKS[clock]
        due = (now - timedelta(minutes=rng.expovariate(1 / 6000))).replace(second=0, microsecond=0)
        case = f"{kind}-{name_of('seed', seed, timeline, n)[:20]}"
        if rng.random() < 0.15 and rule == "overdue":
            rule, due = "warning", now + timedelta(hours=rng.randint(3, 40))
        severity = "warning" if rule == "warning" else rng.choices(["yellow", "red", "warning"], [6, 2, 1])[0]
        start = due - timedelta(days=14)
        events = [name_of("event", case, i) for i in range(1, 4)]
        limit = {"amount": 10, "unit": "working_days"}
        trail = [
            TrailStep(step="started", at=start, event_id=events[0], detail=limit),
            TrailStep(
                step="paused", at=start + timedelta(days=2), event_id=events[1], detail={"ground": "expert_review"}
            ),
            TrailStep(step="resumed", at=start + timedelta(days=5), event_id=events[2]),
            TrailStep(step="due", at=due, detail={"calendar": "cn-2026", "provisional": False}),
        ]
        if rule != "warning":
            trail.append(TrailStep(step="breached", at=due + timedelta(microseconds=1)))
        raised = AlertRaisedV1(
            alert_id=alert_id(rule, timeline, case, clock), version=1, rule=rule, subject=case, timeline=timeline,
            severity="yellow" if severity == "red" else severity, state="open",
            raised_at=now - timedelta(minutes=20) if rule == "warning" else due + timedelta(microseconds=1),
            policy_version="cases 2026.1", calendar_version="cn-2026", clock=clock, kind=kind, case_ref=case,
            source_ref=f"{ref}-{10011 + n}" if ref else None, agency=agency["code"], section=section["code"],
            officer=section["officers"][0] if section["officers"] else None, due_at=due, evidence=events,
            explanation={
                "zh": f"{agency['zh']}{section['zh']}：{zh}为 10 个工作日，自 {start:%Y-%m-%d} 起算（当日不计），"
                      f"扣除专家评审 3 日，应于 {due:%Y-%m-%d %H:%M} 前完成，至今未完成。",
                "en": f"{agency['en']}, {section['en']}: the {en} is 10 working days from {start:%Y-%m-%d} (that "
                      f"day not counted), less 3 days of expert review; due by {due:%Y-%m-%d %H:%M}, still not done.",
            },
            trail=trail,
        )  # fmt: skip
        yield raised
        last: AlertV1 = raised
        if severity == "red":
            at = min(now, due + timedelta(days=5))
            last = _next(AlertEscalatedV1, last, "escalated", at, severity="red")
            yield last
        if rng.random() < 0.3:
            at = min(now, due + timedelta(hours=rng.randint(2, 90)))
            yield _next(AlertSettledV1, last, "settled", at, state="settled", settled_at=at)


def _next(model: type[AlertV1], before: AlertV1, step: str, at: datetime, **changes: object) -> AlertV1:
    fields = {name: getattr(before, name) for name in before.__struct_fields__}
    trail = [*before.trail, TrailStep(step=step, at=at)]
    return model(**{**fields, "version": before.version + 1, "trail": trail, **changes})


def main(
    brokers: str = "127.0.0.1:19092",
    alerts: int = 120,
    timeline: str = "live",
    follow: Annotated[bool, typer.Option(help="go on with an alert every two seconds")] = False,
) -> None:
    """Seed a board."""
    board, now = Board(brokers), datetime.now(UTC)
    for data in made_up(alerts, now, timeline, ref=None if timeline == "live" else "case"):
        board.put(data)
    board.tick(now, timeline)
    board.flush()
    seed = 1000
    while follow:
        time.sleep(2)
        now, seed = datetime.now(UTC), seed + 1
        for data in made_up(1, now, timeline, seed):
            board.put(data)
        board.tick(now - timedelta(seconds=5), timeline)
        board.flush()


if __name__ == "__main__":
    typer.run(main)
