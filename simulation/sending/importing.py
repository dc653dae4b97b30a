"""One import from its first segment to its last: resumable, and doing nothing when it has been done before."""

from collections.abc import Callable, Sequence
from pathlib import Path

from simulation.sending import state
from simulation.sending.direct import DirectSender
from simulation.sending.services import Refusal, ServicesSender
from simulation.sending.state import Progress
from simulation.stream import Segment

_DIRECT_CHUNK = 32

Tell = Callable[[Progress], None]


async def through_services(
    sender: ServicesSender, segments: Sequence[Segment], progress: Progress, data: Path, tell: Tell,
    refused: Callable[[Refusal], None],
) -> None:  # fmt: skip
    """Send what is left of `segments`, saving `progress` after each. The services know repeated commands by ordinal,
    so a segment that was cut short may be sent again. Raises Rejected."""
    for segment in segments[progress.segments_done :]:
        taken = await sender.send(segment)
        for refusal in taken.refused:
            refused(refusal)
        progress.applied += taken.applied
        progress.repeated += taken.repeated
        progress.refused += len(taken.refused)
        _done(progress, segment.index + 1, data, tell)


def past_services(
    sender: DirectSender, segments: Sequence[Segment], progress: Progress, data: Path, tell: Tell
) -> None:
    """Write what is left of `segments` to the topics. Events carry the same ids and sequences when a chunk that was
    cut short is written again, so readers know the duplicates. Raises Undelivered."""
    while progress.segments_done < len(segments):
        chunk = segments[progress.segments_done : progress.segments_done + _DIRECT_CHUNK]
        progress.applied += sender.send(chunk)
        _done(progress, chunk[-1].index + 1, data, tell)


def _done(progress: Progress, segments_done: int, data: Path, tell: Tell) -> None:
    progress.segments_done = segments_done
    progress.finished = segments_done == progress.segments
    state.save(data, progress)
    tell(progress)
