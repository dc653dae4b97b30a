"""What policies/open311.yaml says: the services that can be reported, each an offence or an item. Reads two files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from services.contracts.complaints import Offence

Words = Mapping[str, str]  # language -> words
_ITEMS = "item"


class Service(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that can be reported. `public`: everybody may read what was written, and where it is."""

    code: str
    zh: str
    en: str
    group: str
    offence: Offence = "other"
    item: str | None = None
    agency: str | None = None
    public: bool = False

    def name(self, language: str) -> str:
        return self.en if language == "en" else self.zh


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`items` are codes of the catalogue in city.yaml; `agencies` are the city's, for the person to name one."""

    version: str = ""
    jurisdiction: str = ""
    contact: Words = {}
    groups: Mapping[str, Words] = {}
    services: tuple[Service, ...] = ()
    items: tuple[str, ...] = ()
    agencies: Mapping[str, Words] = {}

    def service(self, code: str) -> Service | None:
        """The service with this code."""
        return next((service for service in self.services if service.code == code), None)

    def public(self) -> list[str]:
        """The codes of the services whose requests everybody may read."""
        return [service.code for service in self.services if service.public]


def load_open311(policies: Path) -> Policy:
    """The policy in `policies`; one without any service when there is no such file.

    Raises ValueError that names what is wrong: an unknown field, a group or an item that does not exist, a code twice.
    """
    path = policies / "open311.yaml"
    if not path.exists():
        return Policy()
    city = _yaml(policies / "city.yaml")
    try:
        found = msgspec.yaml.decode(path.read_bytes(), type=Policy)
    except msgspec.MsgspecError as error:
        raise ValueError(f"{path}: {error}") from None
    items = {item["code"]: item for item in city.get("items", [])}
    if unknown := [code for code in found.items if code not in items]:
        raise ValueError(f"{path}: items: city.yaml has no {', '.join(unknown)}")
    services = found.services + tuple(_of_item(items[code]) for code in found.items)
    codes = [service.code for service in services]
    if twice := {code for code in codes if codes.count(code) > 1}:
        raise ValueError(f"{path}: services: {', '.join(sorted(twice))} twice")
    if groups := {service.group for service in services} - found.groups.keys():
        raise ValueError(f"{path}: groups: there is no {', '.join(sorted(groups))}")
    agencies = {a["code"]: {"zh": a["zh"], "en": a["en"]} for a in city.get("agencies", [])}
    return msgspec.structs.replace(found, services=services, agencies=agencies)


def _of_item(item: Mapping[str, Any]) -> Service:
    return Service(
        code=item["code"], zh=item["zh"], en=item["en"], group=_ITEMS, item=item["code"], agency=item["agency"]
    )  # fmt: skip


def _yaml(path: Path) -> dict[str, Any]:
    return (yaml.safe_load(path.read_text(encoding="utf-8")) or {}) if path.exists() else {}
