"""Boston's 311 service requests (CSV, one row a request): an SLA date is the one deadline that binds.

Times are local to Boston; in the hour that the autumn clock shows twice, the first is meant.
"""

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from services.contracts.complaints import (
    Channel,
    ComplaintAcceptedV1,
    ComplaintConcludedV1,
    ComplaintDispatchedV1,
    ComplaintFiledV1,
    ComplaintRepliedV1,
)
from services.contracts.envelope import EventModel
from simulation.importers.common import BadField, ImportedLog, Report, instant, needed, open_log, rows, unreadable
from simulation.stream import Command, case_commands, in_order

ZONE = ZoneInfo("America/New_York")
_REQUIRED = ("case_enquiry_id", "open_dt", ("sla_target_dt", "target_dt"), "closed_dt")
_CHANNELS: dict[str, Channel] = {
    "Constituent Call": "hotline",
    "Citizens Connect App": "open311",
    "City Worker App": "open311",
    "Self Service": "website",
    "Twitter": "media",
}


def read(path: Path, report: Report) -> ImportedLog:
    """The requests as complaints under procedure complaint-sla. Raises NotThisForm.

    `end` is one second after the latest time in the file, SLA dates included: a request that is still open when the
    file ends has then missed its date.
    """
    lines: dict[str, int] = {}
    commands: list[Command] = []
    latest: datetime | None = None
    with open_log(path) as stream:
        for line, fields, raw in rows(stream, "a Boston 311 file", _REQUIRED, report):
            try:
                ref = needed(fields, "case_enquiry_id")
                if ref in lines:
                    raise BadField(f"case_enquiry_id {ref[:40]} stands on line {lines[ref]} already")
                steps, last = _steps(ref, fields)
            except BadField as error:
                report(unreadable(line, str(error), raw))
                continue
            lines[ref] = line
            latest = max(latest or last, last)
            commands += case_commands("complaint", ref, steps)
    return ImportedLog(
        name="boston311", kind="complaint", zone=ZONE, cases=len(lines), commands=in_order(commands),
        end=latest + timedelta(seconds=1) if latest else None,
    )  # fmt: skip


def _steps(ref: str, fields: dict[str, str]) -> tuple[list[tuple[datetime, EventModel]], datetime]:
    needed(fields, "open_dt")
    opened, due, closed = (instant(fields, column, ZONE) for column in ("open_dt", "sla_target_dt", "closed_dt"))
    assert opened is not None
    opening = min(opened, closed or opened)
    agency = (fields.get("department") or "").strip() or "boston311"
    section = (fields.get("reason") or "").strip() or None
    steps: list[tuple[datetime, EventModel]] = [
        (opening, ComplaintFiledV1(
            channel=_CHANNELS.get((fields.get("source") or "").strip(), "import"), procedure="complaint-sla",
            offence="service_request", agency=agency, section=section,
            place=(fields.get("neighborhood") or "").strip() or None, source_ref=ref)),
        (opening, ComplaintAcceptedV1(agency=agency)),
        (opening, ComplaintDispatchedV1(agency=agency, section=section, due_at=due)),
    ]  # fmt: skip
    if closed:
        steps += [
            (closed, ComplaintConcludedV1(
                agency=agency, section=section, finding="verified", offence="service_request")),
            (closed, ComplaintRepliedV1(agency=agency)),
        ]  # fmt: skip
    return steps, max(at for at in (opened, due, closed) if at)
