"""Receipt logs of environmental permits (WABO, CSV): each application has a deadline and completed activities.

The log records when an activity was completed and not when it began, so a stage starts and finishes at that instant.
An application opens at the earliest instant the file gives for it.
"""

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from services.contracts.approvals import (
    ApprovalAcceptedV1,
    ApprovalAppliedV1,
    ApprovalDecidedV1,
    ApprovalStageFinishedV1,
    ApprovalStageStartedV1,
)
from services.contracts.envelope import EventModel
from simulation.importers.common import (
    BadField,
    ImportedLog,
    Report,
    instant,
    needed,
    number_repeated,
    open_log,
    rows,
    unreadable,
)
from simulation.stream import Command, case_commands, in_order

ZONE = ZoneInfo("Europe/Amsterdam")
_REQUIRED = ("case:concept:name", "case:deadline", "case:startdate", "case:enddate", "concept:name", "time:timestamp")


class _Application(msgspec.Struct, kw_only=True):
    ref: str
    line: int
    deadline: datetime | None
    start: datetime | None
    end: datetime | None
    agency: str
    section: str | None
    officer: str | None
    activities: list[tuple[datetime, str, str | None]] = []


def read(path: Path, report: Report) -> ImportedLog:
    """The log as approvals under procedure permit-deadline; `end` is the latest event or end date in the file.

    A row that contradicts an earlier row of its application about the case itself is reported. Raises NotThisForm.
    """
    applications: dict[str, _Application] = {}
    with open_log(path) as stream:
        for line, fields, raw in rows(stream, "a WABO receipt log", _REQUIRED, report):
            try:
                _take(applications, fields, line)
            except BadField as error:
                report(unreadable(line, str(error), raw))
    ends = [at for a in applications.values() for at in (a.end, *(event[0] for event in a.activities)) if at]
    commands = [command for a in applications.values() for command in _commands(a)]
    return ImportedLog(
        name="wabo", kind="approval", zone=ZONE, cases=len(applications), commands=in_order(commands),
        end=max(ends, default=None),
    )  # fmt: skip


def _take(applications: dict[str, _Application], fields: dict[str, str], line: int) -> None:
    activity = needed(fields, "concept:name")
    needed(fields, "time:timestamp")
    at = instant(fields, "time:timestamp", ZONE)
    assert at is not None
    new = _Application(
        ref=needed(fields, "case:concept:name"), line=line,
        deadline=instant(fields, "case:deadline", ZONE), start=instant(fields, "case:startdate", ZONE),
        end=instant(fields, "case:enddate", ZONE), agency=(fields.get("case:department") or "").strip() or "wabo",
        section=(fields.get("case:group") or "").strip() or None,
        officer=(fields.get("case:responsible") or "").strip() or None,
    )  # fmt: skip
    known = applications.setdefault(new.ref, new)
    for column, name in (("case:deadline", "deadline"), ("case:startdate", "start"), ("case:enddate", "end")):
        if getattr(known, name) != getattr(new, name):
            raise BadField(f"{column} contradicts line {known.line}")
    known.activities.append((at, activity, (fields.get("org:resource") or "").strip() or None))


def _commands(case: _Application) -> list[Command]:
    opening = min(at for at in (case.start, case.end, *(a[0] for a in case.activities)) if at)
    who: dict[str, Any] = {"agency": case.agency, "section": case.section, "officer": case.officer}
    steps: list[tuple[datetime, EventModel]] = [
        (opening, ApprovalAppliedV1(
            item="environmental-permit", procedure="permit-deadline", at_centre=True, source_ref=case.ref, **who)),
        (opening, ApprovalAcceptedV1(due_at=case.deadline, **who)),
    ]  # fmt: skip
    seen: dict[str, int] = {}
    for at, activity, resource in sorted(case.activities, key=lambda a: a[:2]):
        stage = number_repeated(activity, seen)
        by: dict[str, Any] = {"agency": case.agency, "section": case.section, "officer": resource}
        steps += [(at, ApprovalStageStartedV1(stage=stage, **by)), (at, ApprovalStageFinishedV1(stage=stage, **by))]
    if case.end:
        steps.append((case.end, ApprovalDecidedV1(outcome="granted", **who)))
    return case_commands("approval", case.ref, steps)
