"""The worker: Faust brings batches, a lane per partition folds them, checkpoints bound what is committed."""

import asyncio
import gc
import os
import sys
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import faust
import structlog
from faust.types import TP

from services.supervision import telemetry
from services.supervision.domain.fold import Fold
from services.supervision.runtime.checkpoints import Checkpoints
from services.supervision.runtime.lane import Lane
from services.supervision.runtime.partition import PartitionFold
from services.supervision.runtime.publisher import Publisher
from services.supervision.runtime.store import condemn, is_damage
from services.supervision.runtime.transport import BatchApp
from services.supervision.runtime.watchdog import Watchdog

log = structlog.get_logger()
EXIT_BROKEN = 70
SWITCH_SECONDS = 0.0005  # a fetch has many small reads, each would wait 5 ms for the folding thread
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
        self._folding = ThreadPoolExecutor(1, "folding")
        self._lanes: dict[TP, tuple[Lane, asyncio.Task[None]]] = {}
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
            broker_max_poll_records=batch,
            broker_session_timeout=6.0,
            broker_heartbeat_interval=1.0,
            broker_commit_interval=1.0,
            consumer_metadata_max_age_ms=10_000,
            stream_wait_empty=False,
            stream_buffer_maxsize=16,
            worker_redirect_stdouts=False,
        )
        source = self.app.topic(*topics, value_serializer="raw", key_serializer="raw")
        self.app.agent(source, name=f"{fold.name}-fold")(self._run)
        self.app.timer(checkpoint_seconds)(self._checkpoint_all)
        self._revoked_handler: Any = self._revoked  # kept here: signals hold weak references
        self._assigned_handler: Any = self._newly_assigned
        self._opening: asyncio.Task[None] | None = None
        self.app.on_partitions_revoked.connect(self._revoked_handler)  # type: ignore[arg-type]
        self.app.on_partitions_assigned.connect(self._assigned_handler)  # type: ignore[arg-type]

    async def _run(self, stream: Any) -> None:
        """Hands batches to lanes. That Faust takes them for done does not matter: commits follow checkpoints."""
        async for event in stream.events():
            tp = event.message.tp
            try:
                lane = await self._lane(tp)
                if lane is not None:
                    await self._hand_over(*lane, event.value)
            except Exception:
                self._break_off()

    async def _hand_over(self, lane: Lane, running: asyncio.Task[None], records: list[Any]) -> None:
        """Wait for room in the lane's queue, but not when the lane has ended meanwhile."""
        put = asyncio.ensure_future(lane.queue.put(records))
        await asyncio.wait({put, running}, return_when=asyncio.FIRST_COMPLETED)
        put.cancel()

    async def _lane(self, tp: TP) -> tuple[Lane, asyncio.Task[None]] | None:
        """The lane of a partition, opened when it is not yet; None for a partition that is no longer ours."""
        async with self._changing:
            if tp in self._assigned and tp not in self._lanes:
                lane = await asyncio.to_thread(self._prepare, tp)
                running = asyncio.create_task(lane.run())
                running.add_done_callback(partial(self._ended, tp))
                self._lanes[tp] = lane, running
                self._count()
            return self._lanes.get(tp)

    def _prepare(self, tp: TP) -> Lane:
        """Open the store of a partition; one whose damage shows only when it is read is given up for a checkpoint."""
        try:
            return self._lane_of(tp)
        except Exception as error:
            if not is_damage(error):
                raise
            self._condemn(tp)
            return self._lane_of(tp)

    def _condemn(self, tp: TP) -> None:
        condemn(self._state_dir / self._fold.name / f"{tp.topic}-{tp.partition}")

    def _lane_of(self, tp: TP) -> Lane:
        place = f"{tp.topic}-{tp.partition}"
        damaged = telemetry.DAMAGED.labels(self._fold.name)
        checkpoints = Checkpoints(self._checkpoint_dir / self._fold.name / place, damaged.inc)
        store = checkpoints.open(self._state_dir / self._fold.name / place)
        if self._publisher.send(store.unpublished()):
            self._publisher.flush()
        store.acknowledge()
        loop = self.app.loop
        log.info("store.opened", place=place, offset=store.offset)

        def seek(offset: int) -> None:
            loop.create_task(self.app.consumer.seek(tp, offset))

        partition = PartitionFold(self._fold, store, place, **self._wiring)
        return Lane(partition, checkpoints, self._publisher, self._folding, seek)

    async def _checkpoint_all(self) -> None:
        for tp, (lane, _) in list(self._lanes.items()):
            try:
                covered = await lane.checkpoint(self.app.safe_offsets.get(tp, 0))
            except Exception as error:
                self._broken(tp, error)
            if tp in self._lanes and covered:
                self.app.safe_offsets[tp] = covered

    async def _revoked(self, sender: Any, revoked: set[TP], **_: Any) -> None:
        async with self._changing:
            self._assigned -= revoked
            for tp in revoked & set(self._lanes):
                lane, running = self._lanes.pop(tp)
                running.cancel()
                await asyncio.wait({running})
                await lane.close()
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
                await self._lane(tp)
            self._opened = True
        except Exception:
            self._break_off()

    def ready(self) -> bool | str:
        """True, or why this worker does not do all of its work."""
        stopped = [lane.partition.stopped for lane, _ in self._lanes.values() if lane.partition.stopped]
        return "; ".join(stopped) or self._opened

    def _standing(self) -> dict[tuple[str, int], tuple[tuple[int, int], int]]:
        """Where each open partition that ought to move is: (offset, index) folded, offset safe to commit."""
        found = {}
        for tp, (lane, _) in list(self._lanes.items()):
            if not lane.partition.stopped:
                store = lane.partition.store
                found[tp.topic, tp.partition] = (store.offset, store.index), self.app.safe_offsets.get(tp, 0)
        return found

    def _bitten(self, reason: str) -> None:
        log.error("watchdog.bites", reason=reason)
        os._exit(EXIT_BROKEN)

    def _ended(self, tp: TP, running: asyncio.Task[None]) -> None:
        if running.cancelled():
            return
        if (error := running.exception()) is not None:
            self._broken(tp, error)
        self._count()

    def _broken(self, tp: TP, error: BaseException) -> NoReturn:
        if is_damage(error):
            self._condemn(tp)
        self._break_off(error)

    def _count(self) -> None:
        telemetry.PARTITIONS.labels(self._fold.name).set(len(self._lanes))
        stopped = sum(bool(lane.partition.stopped) for lane, _ in self._lanes.values())
        telemetry.STOPPED.labels(self._fold.name).set(stopped)

    def _break_off(self, error: BaseException | None = None) -> NoReturn:
        """End the process at once: a graceful stop would commit what failed. Whoever watches it starts it again."""
        traceback.print_exception(error) if error is not None else traceback.print_exc()
        os._exit(EXIT_BROKEN)


def run(build: Callable[[], Worker], on_built: Callable[[Worker], None]) -> None:
    """Build the worker inside its event loop and run it until SIGTERM or SIGINT."""
    sys.setswitchinterval(SWITCH_SECONDS)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    worker = build()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
    on_built(worker)
    worker.watchdog.start()
    faust.Worker(worker.app, loop=loop, loglevel="WARNING", redirect_stdouts=False).execute_from_commandline()
