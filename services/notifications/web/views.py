"""What a page shows, made from alerts and words: rows, figures, trails. Free of HTTP and of the database."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from services.notifications.domain.directory import Directory
from services.notifications.repository import FeedEntry
from services.notifications.web.words import instant_of
from services.shared.web.words import Words


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """An instant for a <time>: what it means, the instant in full, and for machines."""

    text: str
    full: str
    iso: str


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """How an alert stands to its deadline. `tone` is late, near, done or none."""

    text: str
    tone: str
    moment: Moment | None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One alert in a list."""

    alert_id: str
    severity: str
    state: str
    title: str
    reference: str
    agency: str
    section: str
    due: Due
    raised: Moment
    is_new: bool
    provisional: bool


class Step(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    label: str
    detail: str
    moment: Moment
    event_id: str | None


class Version(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    change: str
    severity: str
    state: str


class Views:
    """Builds views in one language as things stand at `now`."""

    def __init__(self, words: Words, directory: Directory, now: datetime) -> None:
        self.words = words
        self._directory = directory
        self.now = now

    def row(self, item: Mapping[str, Any]) -> Row:
        raised = instant_of(item["raised_at"]) or self.now
        return Row(
            alert_id=item["alert_id"],
            severity=item["severity"],
            state=item["state"],
            title=self.title(item),
            reference=item["source_ref"] or item["case_ref"] or item["subject"],
            agency=self.agencies(item),
            section=self._directory.section(item["agency"], item["section"], self.words.lang),
            due=self.due(item),
            raised=self.moment(raised),
            is_new=self.now - raised < timedelta(hours=1),
            provisional=bool(item["provisional"]),
        )

    def title(self, item: Mapping[str, Any]) -> str:
        """What is wrong, in a few words: 超期：承诺时限."""
        clock = self._directory.clock(item["clock"], self.words.lang)
        rule = self.rule(item["rule"])
        return self.words("title.pair", rule=rule, clock=clock) if clock else rule

    def rule(self, code: str) -> str:
        key = f"rule.{code}"
        return self.words(key) if self.words.has(key) else self._directory.rule(code, self.words.lang) or code

    def agency(self, code: str | None) -> str:
        if not code or code == "office":
            return self.words("agency.office" if code else "agency.none")
        return self._directory.agency(code, self.words.lang)

    def agencies(self, item: Mapping[str, Any]) -> str:
        """The agency; where an alert is about several, all of them, the one that acted last first."""
        codes = dict.fromkeys((item["agency"], *item.get("agencies", ())))
        return self.words("list.separator").join(map(self.agency, codes))

    def groups(self, item: Mapping[str, Any]) -> str:
        """The group of each of those agencies."""
        codes = dict.fromkeys((item["group"], *item.get("groups", ())))
        return self.words("list.separator").join(map(self.group, codes))

    def group(self, code: str) -> str:
        return self.words("group.unassigned") if code == "unassigned" else self._directory.group(code, self.words.lang)

    def due(self, item: Mapping[str, Any]) -> Due:
        """Late or left, by the reader's clock; for a settled alert, how late it was done."""
        due_at = instant_of(item["due_at"])
        if due_at is None:
            counted = sum(step["step"] == "counted" for step in item["trail"])
            return Due(
                text=self.words.plural("due.counted", counted) if counted else self.words("due.none"),
                tone="none",
                moment=None,
            )
        moment = self.moment(due_at)
        if item["state"] == "corrected":
            return Due(text=self.words("due.in_time"), tone="done", moment=moment)
        if item["state"] == "settled":
            late = (instant_of(item["settled_at"]) or self.now) - due_at
            text = (
                self.words("due.done_late", span=self.words.span(late))
                if late > timedelta(0)
                else self.words("due.in_time")
            )
            return Due(text=text, tone="done", moment=moment)
        now = max(self.now, instant_of(item["raised_at"]) or self.now)  # the alert may be ahead of the watermark
        if now > due_at:
            return Due(text=self.words("due.late", span=self.words.span(now - due_at)), tone="late", moment=moment)
        return Due(text=self.words("due.left", span=self.words.span(due_at - now)), tone="near", moment=moment)

    def moment(self, at: datetime, text: str | None = None) -> Moment:
        return Moment(text=text or self.words.day_time(at, self.now), full=self.words.instant(at), iso=at.isoformat())

    def moment_of(self, text: str | None) -> Moment | None:
        at = instant_of(text)
        return self.moment(at) if at else None

    def steps(self, item: Mapping[str, Any]) -> list[Step]:
        """The due trail: how the deadline came about and what happened to it."""
        return [
            Step(
                name=step["step"],
                label=self.words(f"step.{step['step']}"),
                detail=self._detail(step.get("detail") or {}),
                moment=self.moment(instant_of(step["at"]) or self.now),
                event_id=step.get("event_id"),
            )
            for step in item["trail"]
        ]

    def versions(self, entries: list[FeedEntry]) -> list[Version]:
        return [
            Version(
                version=e.item["version"], change=self.words(f"change.{e.change}"), severity=e.item["severity"],
                state=e.item["state"],
            )
            for e in entries
        ]  # fmt: skip

    def _detail(self, detail: Mapping[str, Any]) -> str:
        """Plain values in words: a limit as one phrase, the rest as name and value."""
        rest = dict(detail)
        parts = []
        amount, unit = rest.pop("amount", None), rest.pop("unit", None)
        if isinstance(amount, int) and unit:
            parts.append(self.words.plural(f"limit.{unit}", amount))
        for name, value in rest.items():
            if value is None or value is False or name in ("clock", "fact_id", "alert_id"):
                continue
            parts.append(self.words("detail.pair", name=self._known("detail", name), value=self._value(name, value)))
        return self.words("detail.separator").join(parts)

    def _value(self, name: str, value: Any) -> str:
        if isinstance(value, bool):
            return self.words("yes") if value else self.words("no")
        if isinstance(value, str) and len(value) > 18 and "T" in value:
            try:
                return self.words.day_time(instant_of(value) or self.now, self.now)
            except ValueError:
                return value
        if name == "severity":
            return self.words(f"severity.{value}")
        return self._known(name, str(value))

    def _known(self, kind: str, code: str) -> str:
        key = f"{kind}.{code}"
        return self.words(key) if self.words.has(key) else code
