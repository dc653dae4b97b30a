"""A Faust transport that hands over one message a partition and poll: its value is the list of records.

Commits are bounded by `safe_offsets`: what a checkpoint covers. Free of what is folded.
"""

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

from faust.transport import drivers
from faust.transport.drivers import aiokafka as driver
from faust.types.tuples import TP, ConsumerMessage

safe_offsets: dict[tuple[str, int], int] = {}


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
            safe = safe_offsets.get((tp.topic, tp.partition))
            committed = self._committed_offset[tp]
            if safe is not None and (committed is None or safe > committed):
                offsets[tp] = safe
        for tp in list(self._acked):
            self._acked[tp].clear()
            self._acked_index[tp].clear()
        return offsets

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return iter(list(self._acked))


class Transport(driver.Transport):
    Consumer = Consumer


drivers.TRANSPORTS.aliases["kafkabatch"] = f"{__name__}:Transport"
