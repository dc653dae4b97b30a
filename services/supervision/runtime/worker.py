"""The worker: Faust brings batches, each partition's store takes them, effects go out, checkpoints bound commits."""

import asyncio
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faust
import structlog
from faust.types import TP

from services.supervision import telemetry
from services.supervision.domain.fold import Fold
from services.supervision.runtime import transport
from services.supervision.runtime.checkpoints import Checkpoints
from services.supervision.runtime.partition import PartitionFold
from services.supervision.runtime.publisher import Publisher

log = structlog.get_logger()


class Worker:
    """Hosts one fold over `topics`. `member` is the static name in the consumer group."""

    def __init__(
        self, fold: Fold[Any], topics: tuple[str, ...], *, brokers: str, member: str, state_dir: Path,
        checkpoint_dir: Path, upstream: frozenset[str], forward: tuple[str, ...], partitions: dict[str, int],
        batch: int = 2000, checkpoint_seconds: float = 5.0,
    ) -> None:  # fmt: skip
        self._fold, self._state_dir, self._checkpoint_dir = fold, state_dir, checkpoint_dir
        self._wiring: dict[str, Any] = {"upstream": upstream, "forward": forward, "partitions": partitions}
        self._publisher = Publisher(brokers)
        self._open: dict[TP, tuple[PartitionFold, Checkpoints]] = {}
        self._assigned: set[TP] = set()
        self._rewound: dict[TP, int] = {}
        self.ready = False
        self._lock = asyncio.Lock()
        self.ready = False
        state_dir.mkdir(parents=True, exist_ok=True)
        self.app = faust.App(
            f"duban-{fold.name}",
            broker=";".join(f"kafkabatch://{broker}" for broker in brokers.split(",")),
            store="memory://",
            datadir=str(state_dir / "faust"),
            web_enabled=False,
            topic_disable_leader=True,
            topic_allow_declare=False,
            consumer_group_instance_id=member,
            broker_max_poll_records=batch,
            broker_session_timeout=6.0,
            broker_heartbeat_interval=1.0,
            broker_commit_interval=1.0,
            stream_wait_empty=False,
            stream_buffer_maxsize=16,
            worker_redirect_stdouts=False,
        )
        assert transport.Transport is not None
        source = self.app.topic(*topics, value_serializer="raw", key_serializer="raw")
        self.app.agent(source, name=f"{fold.name}-fold")(self._run)
        self.app.timer(checkpoint_seconds)(self._checkpoint_all)
        self._revoked_handler: Any = self._revoked  # kept here: signals hold weak references
        self._assigned_handler: Any = self._newly_assigned
        self.app.on_partitions_revoked.connect(self._revoked_handler)  # type: ignore[arg-type]
        self.app.on_partitions_assigned.connect(self._assigned_handler)  # type: ignore[arg-type]

    async def _run(self, stream: Any) -> None:
        async for event in stream.events():
            try:
                async with self._lock:
                    await self._batch(event.message.tp, event.value)
            except Exception:
                # An exception must not reach Faust: it would acknowledge the batch. The store is a prefix of the log,
                # so ending here loses nothing; whoever watches the process starts it again.
                traceback.print_exc()
                os._exit(70)

    async def _batch(self, tp: TP, records: list[Any]) -> None:
        if tp not in self._assigned:
            return
        if tp not in self._open:
            await asyncio.to_thread(self._open_store, tp)
        partition, _ = self._open[tp]
        expected = partition.store.offset
        if records[0].offset > expected and self._rewound.get(tp) != records[0].offset:
            log.warning("log.rewound", place=str(tp), to=expected, met=records[0].offset)
            telemetry.REWINDS.labels(self._fold.name).inc()
            self._rewound[tp] = records[0].offset
            await self.app.consumer.seek(tp, expected)
            return
        await asyncio.to_thread(self._take, partition, records)

    def _take(self, partition: PartitionFold, records: list[Any]) -> None:
        effects = partition.take(records)
        self._publisher.publish(effects)
        partition.store.acknowledge()
        telemetry.RECORDS.labels(self._fold.name, records[0].topic).inc(len(records))
        for effect in effects:
            telemetry.EFFECTS.labels(self._fold.name, effect.topic).inc()

    def _open_store(self, tp: TP) -> None:
        place = f"{tp.topic}-{tp.partition}"
        checkpoints = Checkpoints(self._checkpoint_dir / self._fold.name / place)
        store = checkpoints.open(self._state_dir / self._fold.name / place)
        self._publisher.publish(store.unpublished())
        store.acknowledge()
        self._open[tp] = (PartitionFold(self._fold, store, place, **self._wiring), checkpoints)
        telemetry.PARTITIONS.labels(self._fold.name).set(len(self._open))
        log.info("store.opened", place=place, offset=store.offset)

    async def _checkpoint_all(self) -> None:
        for tp in list(self._open):
            async with self._lock:
                if tp in self._open:
                    await asyncio.to_thread(self._save, tp)

    def _save(self, tp: TP) -> None:
        partition, checkpoints = self._open[tp]
        if partition.store.offset > transport.safe_offsets.get((tp.topic, tp.partition), 0):
            transport.safe_offsets[tp.topic, tp.partition] = checkpoints.save(partition.store)
            telemetry.CHECKPOINTS.labels(self._fold.name).inc()

    def _close(self, tps: set[TP]) -> None:
        for tp in tps & set(self._open):
            self._save(tp)
            self._open.pop(tp)[0].store.close()
            transport.safe_offsets.pop((tp.topic, tp.partition), None)
            log.info("store.closed", place=str(tp))
        telemetry.PARTITIONS.labels(self._fold.name).set(len(self._open))

    async def _revoked(self, sender: Any, revoked: set[TP], **_: Any) -> None:
        async with self._lock:
            self._assigned -= revoked
            await asyncio.to_thread(self._close, set(revoked))

    async def _newly_assigned(self, sender: Any, assigned: set[TP], **_: Any) -> None:
        self._assigned = set(assigned)
        self._rewound.clear()
        self.ready = True


def run(build: Callable[[], Worker], on_built: Callable[[Worker], None]) -> None:
    """Build the worker inside its event loop and run it until SIGTERM or SIGINT."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    worker = build()
    on_built(worker)
    faust.Worker(worker.app, loop=loop, loglevel="WARNING", redirect_stdouts=False).execute_from_commandline()
