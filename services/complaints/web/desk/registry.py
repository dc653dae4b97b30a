"""The city's agencies and sections, found by whatever a clerk types: a name in either language, a code, a part of them.

Free of HTTP and of the database; read once from city.yaml. Officers are opaque codes.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec

SEPARATOR = " · "


class Section(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    zh: str = ""
    en: str = ""
    officers: list[str] = []


class Agency(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    zh: str = ""
    en: str = ""
    group: str = "unassigned"
    sections: list[Section] = []


class Group(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    zh: str = ""
    en: str = ""


class City(msgspec.Struct, frozen=True, kw_only=True):
    groups: list[Group] = []
    agencies: list[Agency] = []


class Unit(NamedTuple):
    """An agency, or one of its sections."""

    agency: Agency
    section: Section | None = None

    def name(self, lang: str) -> str:
        """税务局 · 征收管理科"""
        return SEPARATOR.join(_name(part, lang) for part in self if part)

    def officers(self) -> list[str]:
        sections = [self.section] if self.section else self.agency.sections
        return [officer for section in sections for officer in section.officers]

    @property
    def section_code(self) -> str | None:
        return self.section.code if self.section else None


class Registry:
    """Every unit of the city, agencies before their sections, in the order of the policy."""

    def __init__(self, city: City) -> None:
        self.groups = {group.code: group for group in city.groups}
        self.units = tuple(unit for agency in city.agencies for unit in _units(agency))
        self._agencies = {agency.code: agency for agency in city.agencies}

    def agency(self, code: str | None, lang: str) -> str:
        """What an agency is called; its code when it is not listed, "" for None."""
        return _name(self._agencies[code], lang) if code in self._agencies else code or ""

    def unit(self, agency: str | None, section: str | None, lang: str) -> str:
        """What an agency and its section are called."""
        for unit in self.units:
            if (unit.agency.code, unit.section_code) == (agency, section):
                return unit.name(lang)
        return SEPARATOR.join(filter(None, (self.agency(agency, lang), section)))

    def group(self, code: str | None, lang: str) -> str:
        return _name(self.groups[code], lang) if code in self.groups else code or ""

    def found(self, typed: str) -> list[Unit]:
        """The units that `typed` means: one when that is beyond doubt, else every one that it may mean.

        Exactly a name or a code is beyond doubt. A part is looked for in agencies first: 税务 is the tax bureau, not
        each of its sections.
        """
        wanted = _folded(typed)
        if not wanted:
            return []
        exact = [unit for unit in self.units if wanted in map(_folded, _names(unit))]
        part = [unit for unit in self.units if any(wanted in _folded(name) for name in _names(unit))]
        return exact[:1] or [unit for unit in part if unit.section is None] or part


def load_registry(policies: Path) -> Registry:
    """The registry in city.yaml; empty when there is no such file. Raises ValueError with the place at fault."""
    path = policies / "city.yaml"
    if not path.exists():
        return Registry(City())
    try:
        return Registry(msgspec.yaml.decode(path.read_bytes(), type=City))
    except msgspec.MsgspecError as error:
        raise ValueError(f"{path}: {error}") from None


def _units(agency: Agency) -> Iterable[Unit]:
    return (Unit(agency), *(Unit(agency, section) for section in agency.sections))


def _names(unit: Unit) -> tuple[str, ...]:
    codes = unit.agency.code if unit.section is None else f"{unit.agency.code}/{unit.section.code}"
    return (codes, unit.name("zh"), unit.name("en"))


def _name(named: Agency | Section | Group, lang: str) -> str:
    return (named.zh if lang == "zh" else named.en) or named.code


def _folded(text: str) -> str:
    return "".join(text.casefold().split()).replace("·", "").replace("/", "")
