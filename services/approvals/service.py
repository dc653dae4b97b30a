"""What approvals do beyond any case: look the item up when it is applied for, and publish the catalogue."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from services.approvals.domain.approval import LIFE, Approval, decide
from services.approvals.domain.item import Item, Versions
from services.approvals.repository import ApprovalRepository
from services.approvals.telemetry import DECIDED
from services.contracts.approvals import ApprovalAppliedV1, ApprovalDecidedV1
from services.contracts.envelope import EventModel
from services.shared.cases import WriteConflict
from services.shared.commands import CaseService, Conflict, Kind, NotFound, Stale

KIND = Kind(service="approvals", topic="approvals.v1", case_type=Approval, life=LIFE, decide=decide)


class VersionTaken(Exception):
    """A version of this name was published with other contents."""


class ApprovalService(CaseService[Approval]):
    """Applications, and the catalogue whose word of the day is written into them."""

    def __init__(self, approvals: ApprovalRepository, groups: Mapping[str, str], clock: Callable[[], datetime]) -> None:
        super().__init__(KIND, approvals, groups, clock)
        self._approvals = approvals

    def references(self, data: Sequence[EventModel]) -> Mapping[str, Any]:
        """The items applied for, in one query for all of them."""
        applied = [d for d in data if isinstance(d, ApprovalAppliedV1)]
        found = self._approvals.items({d.item for d in applied}) if applied else {}
        return {_name(d): found[d.item].of(d.item_version) for d in applied if d.item in found}

    def reference_name(self, data: EventModel) -> str | None:
        return _name(data) if isinstance(data, ApprovalAppliedV1) else None

    def observe(self, data: EventModel) -> None:
        if isinstance(data, ApprovalDecidedV1):
            DECIDED.labels(data.outcome).inc()

    def item(self, code: str) -> Versions:
        """An item with its versions. Raises NotFound."""
        found = self._approvals.items([code])
        if code not in found:
            raise NotFound(code)
        return found[code]

    def publish(self, code: str, item: Item, expected_revision: int | None) -> tuple[Versions, bool]:
        """Put a version of an item in force; False: it was already, and nothing changed.

        Raises Stale for a revision that is no longer the last, VersionTaken, or Conflict when another was first.
        """
        stored = self._approvals.items([code]).get(code)
        revision = stored.revision if stored else 0
        if expected_revision not in (None, revision):
            raise Stale("published" if stored else "new", revision, ())
        if stored and stored.in_force == item:
            return stored, False
        if stored and any(known.version == item.version for known in stored.versions):
            raise VersionTaken(f"version {item.version} of {code} is published with other contents: give a new version")
        versions = (*(stored.versions if stored else ()), item)
        after = Versions(code=code, revision=revision + 1, versions=versions)
        try:
            self._approvals.publish(after)
        except WriteConflict:
            raise Conflict("published", revision + 1, ()) from None
        return after, True


def _name(data: ApprovalAppliedV1) -> str:
    return msgspec.json.encode((data.item, data.item_version)).decode()
