"""The city's groups, agencies, sections, officers, items, windows and supervisors, from policies/city.yaml."""

from pathlib import Path

import msgspec

from services.contracts.limits import Limit


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A code with its names in Chinese and English."""

    code: str
    zh: str
    en: str


class Section(Named, frozen=True, kw_only=True):
    officers: tuple[str, ...]


class Agency(Named, frozen=True, kw_only=True):
    group: str
    sections: tuple[Section, ...]


class Stage(Named, frozen=True, kw_only=True):
    limit: Limit


class Item(Named, frozen=True, kw_only=True):
    """A catalogue item; `version` is what was in force when it was published."""

    agency: str
    section: str
    version: str
    statutory_limit: Limit
    promised_limit: Limit
    stages: tuple[Stage, ...]


class Window(Named, frozen=True, kw_only=True):
    agency: str


class Supervisor(Named, frozen=True, kw_only=True):
    group: str


class City(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    groups: tuple[Named, ...]
    agencies: tuple[Agency, ...]
    items: tuple[Item, ...]
    windows: tuple[Window, ...]
    supervisors: tuple[Supervisor, ...]

    def agency(self, code: str) -> Agency:
        """The agency with this code. Raises StopIteration when there is none."""
        return next(agency for agency in self.agencies if agency.code == code)

    def desks(self) -> list["Desk"]:
        """Every officer with agency and section."""
        return [
            Desk(agency=agency.code, section=section.code, officer=officer)
            for agency in self.agencies
            for section in agency.sections
            for officer in section.officers
        ]


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """Who handles a case: an officer of a section of an agency."""

    agency: str
    section: str
    officer: str


def load(policies: Path) -> City:
    """The city in `policies`/city.yaml. Raises msgspec.ValidationError with the place of what is wrong."""
    return msgspec.yaml.decode((policies / "city.yaml").read_bytes(), type=City)
