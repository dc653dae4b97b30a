"""A Faust transport that hands over one message a partition and poll: its value is the list of records.

Commits are bounded by `BatchApp.safe_offsets`: what a checkpoint covers. Free of what is folded.
"""

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import faust
from faust.transport import drivers
from faust.transport.drivers import aiokafka as driver
from faust.types.tuples import TP, ConsumerMessage

from services.shared.failpoints import failpoint

SCHEME = "kafkabatch"


class BatchApp(faust.App):
    """`safe_offsets`: per partition, the offset up to which a checkpoint covers the log."""

    def __init__(self, name: str, *, brokers: str, **options: Any) -> None:
        self.safe_offsets: dict[TP, int] = {}
        super().__init__(name, broker=";".join(f"{SCHEME}://{broker}" for broker in brokers.split(",")), **options)


class Consumer(driver.Consumer):
    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:  # noqa: ASYNC109 Faust's signature
        """One message per partition that has records, in place of one per record."""
        records, active = await self._wait_next_records(timeout)
        generation = self.app.consumer_generation_id
        if records is None or self.should_stop or not self.flow_active:
            return
        for tp, batch in records.items():
            if active is not None and tp not in active and tp not in self._buffered_partitions:
                continue
            if not self.flow_active or self.app.consumer_generation_id != generation:
                break
            failpoint("receive.before")
            last = batch[-1]
            value: Any = batch
            yield (
                tp,
                ConsumerMessage(
                    last.topic, last.partition, last.offset, (last.timestamp or 0) / 1000.0, last.timestamp_type, [],
                    None, value, None, 0, 0, tp, generation_id=generation,
                ),
            )  # fmt: skip

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Offsets inside a batch are no gaps."""

    def _filter_committable_offsets(self, tps: Iterable[TP]) -> dict[TP, int]:
        offsets = {}
        for tp in self.assignment():
            safe = self.app.safe_offsets.get(tp)  # type: ignore[attr-defined]
            committed = self._committed_offset[tp]
            if safe is not None and (committed is None or safe > committed):
                offsets[tp] = safe
        for tp in list(self._acked):
            self._acked[tp].clear()
            self._acked_index[tp].clear()
        return offsets

    async def _commit(self, offsets: Any) -> bool:
        failpoint("commit.before")
        done: bool = await super()._commit(offsets)
        failpoint("commit.after")
        return done

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return iter(list(self._acked))


class Transport(driver.Transport):
    Consumer = Consumer


drivers.TRANSPORTS.aliases[SCHEME] = f"{__name__}:Transport"
