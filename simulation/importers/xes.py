"""XES logs of building permits (BPI Challenge 2015 and the like): an event's dueDate is the deadline of its stage.

The file is read trace by trace; a trace that is not well-formed is read event by event, so that one broken event costs
no other. `endDatePlanned` binds nobody and starts no clock.
"""

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO
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
    NotThisForm,
    Report,
    needed,
    number_repeated,
    open_log,
    parse_instant,
    unreadable,
)
from simulation.stream import Command, case_commands, in_order

ZONE = ZoneInfo("Europe/Amsterdam")
COMPLETION = "time:timestamp"
_OPEN, _CLOSE = re.compile(rb"<trace[\s>]"), b"</trace>"
_EVENT = re.compile(r"<event[\s>/]")
_BLOCK = 1 << 20


class _Step(msgspec.Struct, kw_only=True):
    """An event of a trace: `due` is its dueDate, `finished` when it was done, None when it never was."""

    name: str
    at: datetime
    due: datetime | None
    finished: datetime | None
    resource: str | None


def read(path: Path, report: Report, agency: str, finished: str = COMPLETION) -> ImportedLog:
    """The log as approvals of `agency` under procedure permit-deadline.

    A stage is finished at the event's attribute `finished`; an event without that attribute but with a dueDate is a
    stage that never finished. `end` is the latest event or end date in the file. Raises NotThisForm.
    """
    lines: dict[str, int] = {}
    commands: list[Command] = []
    ends: list[datetime] = []
    with open_log(path) as stream:
        for line, text in _traces(stream, report):
            try:
                attributes, steps = _trace(text, line, report, finished)
                ref = needed(attributes, "concept:name")
                if ref in lines:
                    raise BadField(f"trace {ref[:40]} stands on line {lines[ref]} already")
                case, latest = _commands(ref, attributes, steps, agency)
            except BadField as error:
                report(unreadable(line, str(error), text))
                continue
            lines[ref] = line
            commands += case
            ends.append(latest)
    return ImportedLog(
        name="xes", kind="approval", zone=ZONE, cases=len(lines), commands=in_order(commands),
        end=max(ends, default=None),
    )  # fmt: skip


def _traces(stream: BinaryIO, report: Report) -> Iterator[tuple[int, str]]:
    """(line, text) of each <trace> element. Raises NotThisForm when there is no <log> before the first."""
    buffer, line, encoding = b"", 1, None
    while True:
        block = stream.read(_BLOCK)
        buffer += block
        while start := _OPEN.search(buffer):
            encoding = encoding or _encoding(buffer[: start.start()])
            stop = buffer.find(_CLOSE, start.end())
            following = _OPEN.search(buffer, start.end(), stop if stop >= 0 else len(buffer))
            if following:
                end = following.start()
            elif stop >= 0:
                end = stop + len(_CLOSE)
            elif block:
                break
            else:
                end = len(buffer)
            line += buffer.count(b"\n", 0, start.start())
            text = buffer[start.start() : end].decode(encoding, "surrogateescape")
            if not text.endswith("</trace>"):
                report(unreadable(line, "the trace is cut off: its complete events are taken", text))
            yield line, text
            line += buffer.count(b"\n", start.start(), end)
            buffer = buffer[end:]
        if not block:
            if encoding is None:
                _encoding(buffer)
            return
        if not start and encoding is not None:
            keep = max(0, len(buffer) - 8)
            line += buffer.count(b"\n", 0, keep)
            buffer = buffer[keep:]


def _encoding(head: bytes) -> str:
    if not re.search(rb"<log[\s>]", head):
        raise NotThisForm("not an XES log: no <log> element before the first trace")
    declared = re.match(rb"\s*<\?xml[^>]*encoding=[\"']([\w.-]+)", head.removeprefix(b"\xef\xbb\xbf"))
    name = declared[1].decode() if declared else "utf-8"
    try:
        b"".decode(name)
    except LookupError:
        raise NotThisForm(f"not an XES log: unknown encoding {name}") from None
    return name


def _trace(text: str, line: int, report: Report, finished: str) -> tuple[dict[str, str], list[_Step]]:
    """The trace's attributes and its readable events in the order of the file. Raises BadField."""
    try:
        trace = _parse(text)
        events = [(line, child, _attributes(child)) for child in trace if _is_event(child)]
    except (ElementTree.ParseError, BadField):
        trace, events = _salvage(text, line, report)
    steps = []
    for at, element, fields in events:
        try:
            steps.append(_step(fields, finished))
        except BadField as error:
            report(unreadable(at, str(error), ElementTree.tostring(element, encoding="unicode")))
    return _attributes(trace), steps


_Events = list[tuple[int, ElementTree.Element, dict[str, str]]]


def _salvage(text: str, line: int, report: Report) -> tuple[ElementTree.Element, _Events]:
    starts = [match.start() for match in _EVENT.finditer(text)]
    head = text[: starts[0]] if starts else text.removesuffix("</trace>")
    try:
        trace = _parse(head + "</trace>")
    except ElementTree.ParseError as error:
        raise BadField(f"broken trace with {len(starts)} events: {error}") from None
    events: _Events = []
    for start, stop in zip(starts, [*starts[1:], len(text)], strict=True):
        chunk = text[start:stop].partition("</event>")
        at = line + text.count("\n", 0, start)
        try:
            element = _parse(chunk[0] + chunk[1])
            events.append((at, element, _attributes(element)))
        except (ElementTree.ParseError, BadField) as error:
            report(unreadable(at, f"broken event: {error}", chunk[0]))
    return trace, events


def _parse(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(_valid(text))  # noqa: S314  an element alone has no DTD, so no entity to expand


def _is_event(element: ElementTree.Element) -> bool:
    return element.tag.rpartition("}")[2] == "event"


def _valid(text: str) -> str:
    if not text.isascii() and any("\udc80" <= char <= "\udcff" for char in text):
        raise BadField("text that is not in the file's encoding")
    return text


def _attributes(element: ElementTree.Element) -> dict[str, str]:
    return {key: child.get("value", "") for child in element if (key := child.get("key")) and not _is_event(child)}


def _step(fields: dict[str, str], finished: str) -> _Step:
    fields = {"concept:name": "", COMPLETION: "", **fields}
    name, at = needed(fields, "concept:name"), needed(fields, COMPLETION)
    due, done = fields.get("dueDate", "").strip(), fields.get(finished, "").strip()
    return _Step(
        name=name, at=parse_instant(at, COMPLETION, ZONE),
        due=parse_instant(due, "dueDate", ZONE) if due else None,
        finished=parse_instant(done, finished, ZONE) if done else None,
        resource=fields.get("org:resource", "").strip() or None,
    )  # fmt: skip


def _commands(ref: str, fields: dict[str, str], steps: list[_Step], agency: str) -> tuple[list[Command], datetime]:
    start, end = (
        parse_instant(value, name, ZONE) if (value := fields.get(name, "").strip()) else None
        for name in ("startDate", "endDate")
    )
    known = [at for at in (end, *(i for s in steps for i in (s.at, s.finished))) if at] or [at for at in (start,) if at]
    if not known:
        raise BadField("a trace without any date")
    opening, latest = min(known if start is None else [*known, start]), max(known)
    officer = fields.get("Responsible_actor", "").strip() or None
    events: list[tuple[datetime, EventModel]] = [
        (opening, ApprovalAppliedV1(
            item="building-permit", procedure="permit-deadline", agency=agency, officer=officer, source_ref=ref)),
        (opening, ApprovalAcceptedV1(agency=agency, officer=officer)),
    ]  # fmt: skip
    seen: dict[str, int] = {}
    for step in steps:
        stage = number_repeated(step.name, seen)
        by: dict[str, Any] = {"stage": stage, "agency": agency, "officer": step.resource}
        began = opening if step.due or not step.finished else step.finished
        events.append((began, ApprovalStageStartedV1(due_at=step.due, **by)))
        if step.finished:
            events.append((step.finished, ApprovalStageFinishedV1(**by)))
    if end:
        events.append((end, ApprovalDecidedV1(agency=agency, outcome="granted", officer=officer)))
    return case_commands("approval", ref, events), latest
