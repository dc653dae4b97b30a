"""Filings one by one to the running service, some at the same time. Free of files."""

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from services.complaints.domain.rows import BadRow, Filing
from services.contracts.codec import encode_json
from simulation.sending.transport import Rejected, Transport

CONCURRENT = 8


class Filed(msgspec.Struct, frozen=True, kw_only=True):
    """A row that has its case. `repeated`: it had it before."""

    line: int
    ref: str
    case_id: str
    receipt_code: str | None
    repeated: bool


class _Answer(msgspec.Struct):
    case_id: str
    receipt_code: str | None = None


async def file_all(
    transport: Transport, filings: Sequence[Filing], tell: Callable[[], None]
) -> tuple[list[Filed], list[BadRow]]:
    """File every one; `tell` hears of each that is answered. A filing that the service refuses is a bad row.

    Raises Rejected when the service cannot be reached; then the same call goes on from there.
    """
    free, filed, bad = asyncio.Semaphore(CONCURRENT), list[Filed](), list[BadRow]()

    async def one(filing: Filing) -> None:
        async with free:
            try:
                answer = await transport.request(
                    "/complaints/v1/cases", encode_json(filing.body), {"Idempotency-Key": filing.key}
                )
            except Rejected as error:
                if not error.refused:
                    raise
                bad.append(BadRow(line=filing.line, reason=str(error), ref=filing.ref))
            else:
                found = msgspec.json.decode(answer.content, type=_Answer)
                filed.append(
                    Filed(
                        line=filing.line, ref=filing.ref, case_id=found.case_id, receipt_code=found.receipt_code,
                        repeated="idempotency-replayed" in answer.headers,
                    )
                )  # fmt: skip
        tell()

    try:
        async with asyncio.TaskGroup() as group:
            for filing in filings:
                group.create_task(one(filing))
    except* Rejected as failures:
        raise failures.exceptions[0] from None
    return sorted(filed, key=lambda f: f.line), sorted(bad, key=lambda b: b.line)
