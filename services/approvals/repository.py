"""Where applications and the catalogue are kept: the interface, on MongoDB, and in memory."""

from collections.abc import Collection
from typing import Protocol

import msgspec
from mongoengine.errors import NotUniqueError

from services.approvals.documents import ApprovalBroadcast, ApprovalDocument, ItemDocument
from services.approvals.domain.approval import Approval
from services.approvals.domain.item import Versions
from services.shared.cases import CaseRepository, MemoryCases, MongoCases, WriteConflict


class ApprovalRepository(CaseRepository[Approval], Protocol):
    """Applications, and the catalogue items that they are for."""

    def items(self, codes: Collection[str]) -> dict[str, Versions]:
        """Those of the items called `codes` that there are."""

    def publish(self, item: Versions) -> None:
        """Save an item whose revision is one more than the stored one's. Raises WriteConflict for any other."""


class MongoApprovals(MongoCases[Approval]):
    """Applications and items in the database duban_approvals."""

    def __init__(self) -> None:
        super().__init__(Approval, ApprovalDocument, ApprovalBroadcast)

    def items(self, codes: Collection[str]) -> dict[str, Versions]:
        found = ItemDocument.objects(code__in=list(codes))
        return {
            d.code: msgspec.convert({"code": d.code, "revision": d.revision, "versions": list(d.versions)}, Versions)
            for d in found
        }

    def publish(self, item: Versions) -> None:
        versions = msgspec.to_builtins(item.versions)
        if item.revision == 1:
            try:
                ItemDocument(code=item.code, revision=1, versions=versions).save(force_insert=True)
            except NotUniqueError:
                raise WriteConflict(item.code) from None
        elif not ItemDocument.objects(code=item.code, revision=item.revision - 1).update_one(
            set__revision=item.revision, set__versions=versions
        ):
            raise WriteConflict(item.code)


class MemoryApprovals(MemoryCases[Approval]):
    """Applications and items in memory, for tests without a server."""

    def __init__(self) -> None:
        super().__init__()
        self._items: dict[str, Versions] = {}

    def items(self, codes: Collection[str]) -> dict[str, Versions]:
        return {code: self._items[code] for code in codes if code in self._items}

    def publish(self, item: Versions) -> None:
        stored = self._items.get(item.code)
        if item.revision != (stored.revision if stored else 0) + 1:
            raise WriteConflict(item.code)
        self._items[item.code] = item
