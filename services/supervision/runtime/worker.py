"""The worker: Faust says which partitions, the engine reads and folds them, checkpoints bound what is committed."""

import asyncio
import gc
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import faust
import structlog
from faust.types import TP

from services.supervision import telemetry
from services.supervision.domain.fold import Fold
from services.supervision.runtime.checkpoints import Checkpoints
from services.supervision.runtime.engine import Engine
from services.supervision.runtime.lane import Lane
from services.supervision.runtime.partition import PartitionFold
from services.supervision.runtime.publisher import Publisher
from services.supervision.runtime.reader import Place, Reader
from services.supervision.runtime.store import condemn, is_damage
from services.supervision.runtime.transport import BatchApp
from services.supervision.runtime.watchdog import Watchdog

log = structlog.get_logger()
EXIT_BROKEN = 70  # a partition, the engine or the watchdog said that this process cannot go on
EXIT_GROUP = 71  # Faust, or its client of the group, gave up
YOUNG_OBJECTS = 100_000  # events and states hold no cycles: collecting them often costs a third of the time


class Worker:
    """Hosts one fold over `topics`. `member` is the static name in the consumer group."""

    def __init__(
        self, fold: Fold[Any], topics: tuple[str, ...], *, brokers: str, member: str, state_dir: Path,
        checkpoint_dir: Path, upstream: frozenset[str], forward: tuple[str, ...], partitions: dict[str, int],
        batch: int = 2000, checkpoint_seconds: float = 5.0, watchdog_seconds: float = 60.0,
        dead_letter_limit: int = 1000,
    ) -> None:  # fmt: skip
        self._opened = False
        self._fold, self._state_dir, self._checkpoint_dir = fold, state_dir, checkpoint_dir
        self._wiring: dict[str, Any] = {"upstream": upstream, "forward": forward, "partitions": partitions}
        self._wiring["dead_letter_limit"] = dead_letter_limit
        self._publisher = Publisher(brokers)
        self._engine = Engine(Reader(brokers, batch), self._publisher, self._broken)
        self._lanes: dict[TP, Lane] = {}
        self._assigned: set[TP] = set()
        self.watchdog = Watchdog(brokers, f"duban-{fold.name}", self._standing, self._bitten, watchdog_seconds)
        self._changing = asyncio.Lock()  # held while a lane opens or closes
        state_dir.mkdir(parents=True, exist_ok=True)
        self.app = BatchApp(
            f"duban-{fold.name}",
            brokers=brokers,
            store="memory://",
            datadir=str(state_dir / "faust"),
            web_enabled=False,
            topic_disable_leader=True,
            topic_allow_declare=False,
            consumer_group_instance_id=member,
            broker_session_timeout=6.0,
            broker_heartbeat_interval=1.0,
            broker_commit_interval=1.0,
            consumer_metadata_max_age_ms=10_000,
            stream_wait_empty=False,
            worker_redirect_stdouts=False,
        )
        source = self.app.topic(*topics, value_serializer="raw", key_serializer="raw")
        self.app.agent(source, name=f"{fold.name}-fold")(_nothing)  # makes Faust subscribe
        self.app.timer(checkpoint_seconds)(self._checkpoint_all)
        self._revoked_handler: Any = self._revoked  # kept here: signals hold weak references
        self._assigned_handler: Any = self._newly_assigned
        self._opening: asyncio.Task[None] | None = None
        self.app.on_partitions_revoked.connect(self._revoked_handler)  # type: ignore[arg-type]
        self.app.on_partitions_assigned.connect(self._assigned_handler)  # type: ignore[arg-type]

    async def _open(self, tp: TP) -> None:
        """Open the lane of a partition, unless it is open or no longer ours."""
        async with self._changing:
            if tp in self._assigned and tp not in self._lanes:
                lane = self._lanes[tp] = await asyncio.to_thread(self._prepare, tp)
                await asyncio.wrap_future(self._engine.add(tp, lane))
                self._count()

    def _prepare(self, tp: TP) -> Lane:
        """Open the store of a partition; one whose damage shows only when it is read is given up for a checkpoint."""
        try:
            return self._lane_of(tp)
        except Exception as error:
            if not is_damage(error):
                raise
            self._condemn(tp)
            return self._lane_of(tp)

    def _condemn(self, place: Place) -> None:
        condemn(self._state_dir / self._fold.name / f"{place[0]}-{place[1]}")

    def _lane_of(self, tp: TP) -> Lane:
        place = f"{tp.topic}-{tp.partition}"
        damaged = telemetry.DAMAGED.labels(self._fold.name)
        checkpoints = Checkpoints(self._checkpoint_dir / self._fold.name / place, damaged.inc)
        store = checkpoints.open(self._state_dir / self._fold.name / place)
        if self._publisher.send(store.unpublished()):
            self._publisher.flush()
        store.acknowledge()
        log.info("store.opened", place=place, offset=store.offset)
        return Lane(PartitionFold(self._fold, store, place, **self._wiring), checkpoints, self._publisher)

    async def _checkpoint_all(self) -> None:
        for tp, lane in list(self._lanes.items()):
            try:
                covered = await asyncio.to_thread(lane.checkpoint, self.app.safe_offsets.get(tp, 0))
            except Exception as error:
                self._broken(tp, error)
            if tp in self._lanes and covered:
                self.app.safe_offsets[tp] = covered

    async def _revoked(self, sender: Any, revoked: set[TP], **_: Any) -> None:
        async with self._changing:
            self._assigned -= revoked
            for tp in revoked & set(self._lanes):
                await asyncio.wrap_future(self._engine.remove(tp))
                lane = self._lanes.pop(tp)
                await asyncio.to_thread(lane.close)
                self.app.safe_offsets.pop(tp, None)
                log.info("store.closed", place=lane.partition.place)
            self._count()

    async def _newly_assigned(self, sender: Any, assigned: set[TP], **_: Any) -> None:
        self._assigned = set(assigned)
        self._opening = asyncio.create_task(self._open_all(set(assigned)))

    async def _open_all(self, assigned: set[TP]) -> None:
        """Open what is to be folded before its first batch comes: the rebalance itself does not wait for it."""
        try:
            for tp in sorted(assigned):
                await self._open(tp)
            self._opened = True
        except Exception:
            self._break_off()

    def start(self) -> None:
        """Begin what does not run in the event loop."""
        self._engine.start()
        self.watchdog.start()

    def ready(self) -> bool | str:
        """True, or why this worker does not do all of its work."""
        stopped = [lane.partition.stopped for lane in list(self._lanes.values()) if lane.partition.stopped]
        return "; ".join(stopped) or self._opened

    def _standing(self) -> dict[tuple[str, int], tuple[tuple[int, int], int]]:
        """Where each open partition that ought to move is: (offset, index) folded, offset safe to commit."""
        found = {}
        for tp, lane in list(self._lanes.items()):
            if not lane.partition.stopped:
                store = lane.partition.store
                found[tp.topic, tp.partition] = (store.offset, store.index), self.app.safe_offsets.get(tp, 0)
        return found

    def _bitten(self, reason: str) -> None:
        log.error("watchdog.bites", reason=reason)
        os._exit(EXIT_BROKEN)

    def _broken(self, place: Place | None, error: Exception) -> NoReturn:
        if place is not None and is_damage(error):
            self._condemn(place)
        self._break_off(error)

    def _count(self) -> None:
        telemetry.PARTITIONS.labels(self._fold.name).set(len(self._lanes))

    def _break_off(self, error: BaseException | None = None) -> NoReturn:
        """End the process at once: a graceful stop would commit what failed. Whoever watches it starts it again."""
        traceback.print_exception(error) if error is not None else traceback.print_exc()
        os._exit(EXIT_BROKEN)


async def _nothing(stream: Any) -> None:
    async for _ in stream:
        raise AssertionError("records come by way of the engine")


def run(build: Callable[[], Worker], on_built: Callable[[Worker], None]) -> None:
    """Build the worker inside its event loop and run it until SIGTERM or SIGINT. Raises SystemExit with EXIT_GROUP when
    Faust gives up: what it commits on its way out is bounded by checkpoints, so a restart goes on from there."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    worker = build()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
    on_built(worker)
    worker.start()
    try:
        faust.Worker(worker.app, loop=loop, loglevel="WARNING", redirect_stdouts=False).execute_from_commandline()
    except SystemExit as end:
        raise SystemExit(EXIT_GROUP if end.code else 0) from None
