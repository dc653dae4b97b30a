"""The form of the intake desk (rows A1, A2): what was typed, what is wrong with it, and the filing that it makes. Pure.

Nothing is refused for its form: a text or an offence is enough. What is checked keeps names and numbers of people out
of fields that stand on the log.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, get_args

from services.complaints.domain.channels import refuse_personal
from services.complaints.schemas import MAX_COMPLAINT_TEXT
from services.complaints.web.desk import channels
from services.complaints.web.desk.registry import Registry, Unit
from services.complaints.web.form import OFFENCES as USUAL
from services.contracts.complaints import Channel, Offence
from services.contracts.identity import MAX_IDENTITY_FIELD, Identity
from services.shared.bodies import MAX_TEXT

# Those that the public form offers first, so that a clerk's fingers know their numbers.
OFFENCES: tuple[str, ...] = (*USUAL[:-1], *(o for o in get_args(Offence) if o not in USUAL), "other")
WHO: tuple[str, ...] = Identity.__struct_fields__
OWN = ("text", "unit", "offence", "officer", "occurred_on", "place", "key")
_CHANNELS = frozenset(field.name for fields in channels.FIELDS.values() for field in fields)


class Sheet:
    """What stands in the form. It has no printable form: no log line shows who called."""

    def __init__(self, given: Mapping[str, Any], registry: Registry) -> None:
        named = (*OWN, *WHO, *_CHANNELS)
        self.typed = {name: str(given.get(name, "")).strip() for name in named}
        self.typed["text"] = self.typed["text"].replace("\r\n", "\n")
        self.typed["key"] = self.typed["key"][:64]
        self.channel: Channel = channels.channel_of(given.get("channel"))
        self.units = registry.found(self.typed["unit"])

    def __repr__(self) -> str:
        return "Sheet(…)"

    def __getitem__(self, name: str) -> str:
        return self.typed[name]

    @property
    def unit(self) -> Unit | None:
        """Whom it is about, once that is beyond doubt."""
        return self.units[0] if len(self.units) == 1 else None

    def who(self) -> dict[str, str]:
        """Who the person says they are; nothing when they stay anonymous."""
        return {name: self.typed[name] for name in WHO if self.typed[name]}

    def mistakes(self, today: date) -> dict[str, str]:
        """Field -> the key of the sentence that says what is wrong with it, in the order of the form."""
        found = channels.mistakes(self.channel, self.typed)
        for name in ("text", "unit", "offence", "officer", "occurred_on", "place", *WHO):
            if wrong := self._wrong(name, self.typed[name], today):
                found[name] = wrong
        return found

    def _wrong(self, name: str, text: str, today: date) -> str | None:
        match name:
            case "text" if not text and not self.typed["offence"]:
                return "wrong.nothing"
            case "text" if len(text) > MAX_COMPLAINT_TEXT:
                return "wrong.too_long"
            case "unit" if text and not self.units:
                return "wrong.unit"
            case "unit" if len(self.units) > 1:
                return "wrong.unit_several"
            case "offence" if text and text not in OFFENCES:
                return "wrong.choice"
            case "officer" if text and not (self.unit and text in self.unit.officers()):
                return "wrong.officer"
            case "occurred_on" if text:
                return _wrong_day(text, today)
            case "place" if len(text) > MAX_TEXT:
                return "wrong.too_long"
            case "place" if _personal(text):
                return "wrong.personal"
            case _ if name in WHO and len(text) > MAX_IDENTITY_FIELD:
                return "wrong.too_long"
        return None

    def body(self) -> dict[str, Any]:
        """The filing as the API takes it, of a form without mistakes."""
        about = {"agency": self.unit.agency.code, "section": self.unit.section_code} if self.unit else {}
        own = {name: self.typed[name] for name in ("text", "offence", "officer", "occurred_on", "place")}
        intake, who = channels.intake(self.channel, self.typed), self.who()
        if self.channel == "hotline" and who:
            intake["caller"] = "known"
        filled = {name: value for name, value in {**about, **own}.items() if value}
        return {"channel": self.channel, "intake": intake, **filled, **({"identity": who} if who else {})}


class Wrong(dict[str, str]):
    """What is wrong with each field; nothing with those that are not named."""

    def __missing__(self, field: str) -> str:
        return ""


def _personal(text: str) -> bool:
    try:
        refuse_personal("", text)
    except ValueError:
        return True
    return False


def _wrong_day(text: str, today: date) -> str | None:
    try:
        return "wrong.future" if date.fromisoformat(text) > today else None
    except ValueError:
        return "wrong.date"
