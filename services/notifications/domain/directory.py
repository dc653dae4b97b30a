"""The city's agencies and supervision groups, as policies/city.yaml names them (domain row J1). Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

UNASSIGNED = "unassigned"


class Named(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    zh: str
    en: str


class Agency(Named, frozen=True, kw_only=True):
    group: str = UNASSIGNED
    sections: list[Named] = []


class Item(Named, frozen=True, kw_only=True):
    stages: list[Named] = []


class City(msgspec.Struct, frozen=True, kw_only=True):
    groups: list[Named] = []
    agencies: list[Agency] = []
    items: list[Item] = []


class Directory:
    """Which group answers for an agency, and what things are called. An unlisted code is shown as it is."""

    def __init__(self, city: City) -> None:
        self.agencies = {agency.code: agency for agency in city.agencies}
        self.groups = {group.code: group for group in city.groups}
        self._sections = {(a.code, s.code): s for a in city.agencies for s in a.sections}
        self._stages = {stage.code: stage for item in city.items for stage in item.stages}

    @classmethod
    def of(cls, policy: Mapping[str, Any] | None) -> "Directory":
        """The directory of a parsed city policy, empty for None. Raises ValueError with the place of a mistake."""
        try:
            return cls(msgspec.convert(policy or {}, City))
        except msgspec.ValidationError as error:
            raise ValueError(f"city policy: {error}") from None

    def group_of(self, agency: str | None) -> str:
        """The code of the supervision group of `agency`, "unassigned" when the policy does not list it."""
        known = self.agencies.get(agency or "")
        return known.group if known else UNASSIGNED

    def agency_name(self, code: str | None, lang: str) -> str:
        return _name(self.agencies.get(code or ""), code, lang)

    def group_name(self, code: str | None, lang: str) -> str:
        return _name(self.groups.get(code or ""), code, lang)

    def section_name(self, agency: str | None, code: str | None, lang: str) -> str:
        return _name(self._sections.get((agency or "", code or "")), code, lang)

    def stage_name(self, code: str | None, lang: str) -> str:
        return _name(self._stages.get(code or ""), code, lang)


def _name(named: Named | None, code: str | None, lang: str) -> str:
    if named is None:
        return code or ""
    return named.zh if lang == "zh" else named.en
