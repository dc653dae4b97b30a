"""A catalogue item: what may be applied for, who decides, in which stages, within which limits (row C1). Pure."""

import msgspec

from services.contracts.limits import Limit


class Stage(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One box of the flow chart (流程图)."""

    code: str
    limit: Limit | None = None
    zh: str = ""
    en: str = ""


class Item(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One version of an item as it is published. `fee` is in fen; None: free of charge."""

    agency: str
    version: str
    section: str | None = None
    statutory_limit: Limit | None = None
    promised_limit: Limit | None = None
    fee: int | None = None
    stages: tuple[Stage, ...] = ()
    zh: str = ""
    en: str = ""


class Versions(msgspec.Struct, kw_only=True, frozen=True):
    """Every version of an item, the one in force last. `revision` counts its publications."""

    code: str
    revision: int
    versions: tuple[Item, ...]

    @property
    def in_force(self) -> Item:
        """The version that holds now."""
        return self.versions[-1]

    def of(self, version: str | None) -> Item:
        """The version called `version`, or the one in force when that is None or unknown."""
        return next((item for item in reversed(self.versions) if item.version == version), self.in_force)
