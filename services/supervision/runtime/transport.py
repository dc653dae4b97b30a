"""A Faust transport that is the member of the group, and no more: it is told what to fold, beats and commits.

Commits are bounded by `BatchApp.safe_offsets`: what a checkpoint covers. Records come by way of `reader`, from where
the stores are: the path through Faust costs several times what folding does. Free of what is folded.
"""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any

import faust
import structlog
from aiokafka.errors import KafkaError
from faust.transport import drivers
from faust.transport.drivers import aiokafka as driver
from faust.types.tuples import TP

from services.shared.failpoints import failpoint

log = structlog.get_logger()
SCHEME = "kafkagroup"
RETRY_SECONDS = 1.0


class BatchApp(faust.App):
    """`safe_offsets`: per partition, the offset up to which a checkpoint covers the log."""

    def __init__(self, name: str, *, brokers: str, **options: Any) -> None:
        self.safe_offsets: dict[TP, int] = {}
        super().__init__(name, broker=";".join(f"{SCHEME}://{broker}" for broker in brokers.split(",")), **options)


class ConsumerThread(driver.AIOKafkaConsumerThread):
    async def on_start(self) -> None:
        """Join the group. Brokers that are away are waited for, as they are later on: a worker that ended instead would
        be started again and again until they are back."""
        while not self.should_stop:
            try:
                await super().on_start()
                return
            except KafkaError as error:
                if not error.retriable:
                    raise
                log.warning("broker.awaited", error=str(error)[:200])
                await self._ensure_consumer().stop()
                await self.sleep(RETRY_SECONDS)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        consumer = self._ensure_consumer()
        consumer.pause(*consumer.assignment())  # or it would fetch what nobody takes from it
        await super().on_partitions_assigned(assigned, generation_id)

    async def _fetch_records(
        self, consumer: Any, active_partitions: Any, timeout: float | None = None, max_records: Any = None,  # noqa: ASYNC109
    ) -> Any:  # fmt: skip
        """Nothing, after a while. The fetcher's context tells aiokafka that its member is not stuck: whether that is
        so is for the watchdog to say."""
        if self.consumer.flow_active:
            with consumer._fetcher._subscriptions.fetch_context():
                await asyncio.sleep(timeout or 1.0)
        return {}


class Consumer(driver.Consumer):
    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def _filter_committable_offsets(self, tps: Iterable[TP]) -> dict[TP, int]:
        offsets = {}
        for tp in self.assignment():
            safe = self.app.safe_offsets.get(tp)  # type: ignore[attr-defined]
            committed = self._committed_offset[tp]
            if safe is not None and (committed is None or safe > committed):
                offsets[tp] = safe
        return offsets

    async def _commit(self, offsets: Any) -> bool:
        failpoint("commit.before")
        done: bool = await super()._commit(offsets)
        failpoint("commit.after")
        return done

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return iter(self.assignment())


class Producer(driver.Producer):
    async def on_start(self) -> None:
        """Connect to nothing: what is published goes another way."""


class Transport(driver.Transport):
    Consumer = Consumer
    Producer = Producer


drivers.TRANSPORTS.aliases[SCHEME] = f"{__name__}:Transport"
