"""The relay: from the outboxes of one service to its topic, in order per case, each event at least once.

1. Read the waiting requests for ticks (and decrees: they take the same way).
2. Publish every event that is older than their `as_of`; delete it from its outbox once all replicas have it.
3. Publish those ticks into every partition, then forget the requests.
4. Publish what else waits, a bounded number of cases of each timeline, so that no import keeps the others waiting.
Between chunks of any of these the live timeline has its turn: its events, and each second a live tick.

A kill between 2's publishing and deleting publishes the same events again: same id, same sequence. So do two relays at
once: each publishes a case from its oldest waiting event on, so whatever they mix up, no event stands before its
predecessor's first copy. The broker being away for hours is not an error: the producer retries in place.
"""

import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec
import structlog
from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError
from pymongo.errors import PyMongoError

from services.contracts.clock import CalendarDecreedV1, ClockTickedV1
from services.contracts.codec import encode
from services.contracts.envelope import LIVE, EventModel
from services.contracts.identifiers import name_of
from services.contracts.instants import from_micros, to_micros
from services.shared.failpoints import failpoint, failpoint_of_batch
from services.shared.outbox import Outbox, Request, Waiting
from services.shared.pace import Pace
from services.shared.partitioner import partition_of
from services.shared.source_telemetry import OUTBOX_AGE, OUTBOX_CASES, PUBLISHED, RELAY_RETRIES, TICKS
from services.shared.worker_http import serve_probes

CHUNK = 500
CHUNKS_A_TURN = 4
BACKOFF_SECONDS = (0.2, 0.5, 1.0, 2.0)
_NEVER_EXPIRES_MS = 2**31 - 1
_log = structlog.get_logger()


class Stopped(Exception):
    """The relay was asked to stop while it waited."""


Record = tuple[int, bytes | None, bytes]
"""(partition, key, value)"""


class Log(Protocol):
    """Where a relay appends records: one topic."""

    def partitions(self) -> int: ...

    def append(self, records: Sequence[Record], wait: Callable[[], None]) -> None:
        """Append `records` in order and return once all replicas have them. Raises KafkaError, or what `wait` raises,
        which is called again and again until then."""

    def close(self) -> None:
        """Drop the connection and whatever has not been sent."""


class Runner(Protocol):
    """What runs in a thread of a relay's process: a relay, or something else that carries what services left to do."""

    service: str

    @property
    def ready(self) -> bool | str:
        """True, or False or the reason why not."""

    def run(self, stop: threading.Event) -> None:
        """Do it until `stop` is set."""


class KafkaLog:
    """One topic, by an idempotent producer that waits for every replica and never gives a record up by itself.

    One request in flight: should a batch fail for good, nothing that follows it in its partition is there yet.
    """

    def __init__(self, brokers: str, topic: str) -> None:
        self._brokers, self._topic = brokers, topic
        self._producer: Any = None

    def partitions(self) -> int:
        found = self._connected().partitions_for(self._topic)
        if not found:
            raise KafkaError(f"the topic {self._topic} does not exist")
        return len(found)

    def append(self, records: Sequence[Record], wait: Callable[[], None]) -> None:
        producer = self._connected()
        try:
            futures = [producer.send(self._topic, value, key, partition=partition) for partition, key, value in records]
            for future in futures:
                _await(future, wait)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Drop the producer and whatever it has not sent: it is still in the outbox."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.close(timeout=0)

    def _connected(self) -> Any:
        if self._producer is None:
            self._producer = KafkaProducer(
                bootstrap_servers=self._brokers.split(","), client_id="duban-relay", acks="all",
                enable_idempotence=True, max_in_flight_requests_per_connection=1, allow_auto_create_topics=False,
                delivery_timeout_ms=_NEVER_EXPIRES_MS, max_block_ms=10_000, batch_size=256 * 1024, linger_ms=2,
                reconnect_backoff_max_ms=1_000, bootstrap_timeout_ms=5_000,
            )  # fmt: skip
        return self._producer


def _await(future: Any, wait: Callable[[], None]) -> None:
    while True:
        try:
            future.get(timeout=0.25)
            return
        except KafkaTimeoutError:
            if future.is_done:
                raise
            wait()


class Relay:
    """The relay of one service. `clock` dates live ticks, which stay `grace` behind it."""

    def __init__(
        self, service: str, topic: str, outbox: Callable[[], Outbox], log: Log, clock: Callable[[], datetime], *,
        grace: timedelta, tick_every: timedelta,
    ) -> None:  # fmt: skip
        self.service, self._topic, self._open, self._log = service, topic, outbox, log
        self._clock, self._grace, self._tick_every = clock, grace, tick_every
        self._every = tick_every // timedelta(microseconds=1)
        self._outbox: Outbox | None = None
        self._ticked: int | None = None  # the number of its interval, counted from 1970
        self._measured_at = from_micros(0)
        self._live_as_of = 0
        self._stop = threading.Event()
        self.ready = False

    def run(self, stop: threading.Event) -> None:
        """Publish until `stop` is set. What cannot be done now is repeated until it can."""
        self._stop, attempt, pace = stop, 0, Pace()
        while not stop.is_set():
            try:
                busy = self.turn()
                attempt, self.ready = 0, True
                stop.wait(min(pace.after(busy), self._until_tick()))
            except Stopped:
                break
            except Exception as error:
                self._log.close()
                broker = isinstance(error, KafkaError)
                reason = "broker" if broker else "store" if isinstance(error, PyMongoError) else "unforeseen"
                RELAY_RETRIES.labels(self.service, reason).inc()
                pause = BACKOFF_SECONDS[min(attempt, len(BACKOFF_SECONDS) - 1)]
                _log.warning("relay_waits", service=self.service, reason=reason, error=str(error)[:300], seconds=pause)
                attempt += 1
                if broker:
                    self._say_what_waits()
                stop.wait(pause)
        self._log.close()

    def turn(self) -> bool:
        """One round of steps 1 to 4; whether there was anything to do but the live tick."""
        outbox = self._store()
        failpoint("relay.read.before")
        requests = outbox.requests()
        by_timeline: dict[str, list[Request]] = {}
        for request in requests:
            by_timeline.setdefault(request.timeline, []).append(request)
        for timeline, ticks in by_timeline.items():
            for chunk in outbox.waiting(timeline, max(t.as_of for t in ticks), CHUNK):
                self._publish(chunk)
                self._live()
            sent = self._broadcast(ticks)
            outbox.done(ticks)
            failpoint_of_batch("relay.mark.after", sent)
        busy = bool(requests)
        timelines = outbox.timelines()
        for timeline in timelines:
            if timeline == LIVE:
                continue
            for number, chunk in enumerate(outbox.waiting(timeline, None, CHUNK), start=1):
                self._publish(chunk)
                self._live()
                busy = True
                if number == CHUNKS_A_TURN:
                    break
        return self._live(CHUNKS_A_TURN if LIVE in timelines else 0) or busy

    def _store(self) -> Outbox:
        if self._outbox is None:
            self._outbox = self._open()
        return self._outbox

    def _live(self, chunks: int = 1) -> bool:
        """Publish up to so many chunks of live events, of one reading of the outbox, with the live tick when it is due;
        whether there were any."""
        found = False
        if chunks:
            for number, chunk in enumerate(self._store().waiting(LIVE, None, CHUNK), start=1):
                self._publish(chunk)
                self._tick()
                found = True
                if number == chunks:
                    break
        self._tick()
        return found

    def _tick(self) -> None:
        """Once a second, the live tick: not after the oldest event that still waits. As the second begins, in every
        relay: whoever reads several topics is woken once for all of their ticks."""
        now = self._clock()
        interval = to_micros(now) // self._every
        if interval != self._ticked:
            # The clock is read before the outbox: an event dated before `now - grace` that is not published is there.
            as_of = to_micros(now - self._grace)
            oldest = self._store().oldest(LIVE)
            as_of = max(self._live_as_of, as_of if oldest is None else min(as_of, oldest))
            if as_of > self._live_as_of:
                self._broadcast([Request(None, LIVE, as_of)])
                self._live_as_of = as_of
            self._ticked = interval
            self._measure(now, oldest)

    def _until_tick(self) -> float:
        """Seconds until the next live tick is due."""
        return (self._every - to_micros(self._clock()) % self._every) / 1e6

    def _publish(self, cases: Sequence[Waiting]) -> None:
        partitions = self._log.partitions()
        records: list[Record] = []
        for case in cases:
            key = case.case_id.encode()
            partition = partition_of(key, partitions)
            records += [(partition, key, value) for _, value in case.events]
        values = self._append(records)
        self._store().acknowledge([(case.case_id, case.events[-1][0]) for case in cases if case.events])
        failpoint_of_batch("relay.mark.after", values)
        PUBLISHED.labels(self.service).inc(len(records))

    def _broadcast(self, requests: Sequence[Request]) -> list[bytes]:
        partitions = self._log.partitions()
        values = self._append([(p, None, self._for_all(request, p)) for request in requests for p in range(partitions)])
        TICKS.labels(self.service).inc(sum(request.decree is None for request in requests))
        return values

    def _append(self, records: Sequence[Record]) -> list[bytes]:
        """Publish `records` and wait for all of them; their values."""
        values = [value for _, _, value in records]
        failpoint_of_batch("relay.publish.before", values)
        self._log.append(records, self._wait)
        failpoint_of_batch("relay.publish.after", values)
        return values

    def _for_all(self, request: Request, partition: int) -> bytes:
        """The record of a tick or a decree in one partition, the same whenever it is published again."""
        at = from_micros(request.as_of)
        data: EventModel = ClockTickedV1(as_of=at)
        subject, name = "clock", ("tick", request.timeline, at.isoformat())
        if request.decree is not None:
            data = decree = msgspec.json.decode(request.decree, type=CalendarDecreedV1)
            subject, name = "calendar", ("decree", str(decree.year), decree.version)
        return encode(
            data, id=name_of(*name, self._topic, partition), source=f"/{self.service}", subject=subject, time=at,
            sequence=0, timeline=request.timeline,
        )  # fmt: skip

    def _wait(self) -> None:
        """While the broker does not answer: see whether to stop, and keep the metrics telling the truth."""
        if self._stop.is_set():
            raise Stopped
        now = self._clock()
        if now - self._measured_at >= self._tick_every:
            self._measure(now, self._store().oldest(LIVE))

    def _say_what_waits(self) -> None:
        """A broker that is away since before this relay began, or refuses, ends every turn before its tick: what waits
        meanwhile must show all the same, or nobody is alarmed."""
        with suppress(PyMongoError):  # the next turn meets it
            self._measure(self._clock(), self._store().oldest(LIVE))

    def _measure(self, now: datetime, oldest: int | None) -> None:
        self._measured_at = now
        OUTBOX_CASES.labels(self.service).set(self._store().size())
        age = max(0.0, (to_micros(now) - oldest) / 1e6) if oldest is not None else 0.0
        OUTBOX_AGE.labels(self.service).set(age)


def run_relays(relays: Sequence[Runner], stop: threading.Event) -> list[threading.Thread]:
    """Start every relay in a thread of its own; they end soon after `stop` is set."""
    threads = [threading.Thread(target=r.run, args=(stop,), name=f"relay-{r.service}") for r in relays]
    for thread in threads:
        thread.start()
    return threads


def serve_relay(relays: Sequence[Runner], *, host: str, port: int) -> None:
    """Run `relays` in this process until SIGTERM or SIGINT, with /metrics and health on `port`."""
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    serve_probes(port, lambda: next((r.ready for r in relays if r.ready is not True), True), host)
    for thread in run_relays(relays, stop):
        thread.join()
