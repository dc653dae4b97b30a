"""Every way in with its own fields (row A1): what of them may stand on the log. Free of frameworks and I/O.

Opaque or categorical only: codes, days, numbers of batches. Names, telephone numbers, addresses and sentences have no
field. `their_number` of a body that passes a complaint on is kept apart like a text; the log has a reference.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated, Any, Literal

import msgspec

from services.contracts.complaints import Channel
from services.contracts.instants import Instant

Code = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$", max_length=64)]
Number = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Intake = dict[str, str | bool | list[str]]
# Mobile and fixed telephone numbers, identity card numbers, addresses of e-mail.
_PERSONAL = re.compile(r"(?<!\d)(1[3-9]\d{9}|0\d{2,3}-?\d{7,8}|\d{17}[\dXx])(?!\d)|\S@\S")


class Fields(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a channel has beside the complaint itself. Nothing is refused for its form: most may be left out."""


class Hotline(Fields, frozen=True, kw_only=True):
    """`caller` may be unknown; a number or a name has no field."""

    call_ref: Code | None = None
    caller: Literal["unknown", "anonymous", "known"] = "unknown"


class Website(Fields, frozen=True, kw_only=True):
    language: Literal["zh", "en"] = "zh"


class Letter(Fields, frozen=True, kw_only=True):
    letter_ref: Code | None = None
    received_on: date | None = None
    signed: bool = False


class Questionnaire(Fields, frozen=True, kw_only=True):
    campaign: Code | None = None
    question: Code | None = None


class SupervisionBox(Fields, frozen=True, kw_only=True):
    """A box (监督箱) is opened by two different people; what lay in it is one batch."""

    box: Code
    opened_at: Instant
    openers: list[Code]
    batch: Code

    def __post_init__(self) -> None:
        if len(self.openers) != 2 or self.openers[0] == self.openers[1]:
            raise ValueError("openers: two different people open a box")


class Media(Fields, frozen=True, kw_only=True):
    outlet: Code
    published_on: date
    kind: Literal["television", "radio", "newspaper", "online"] = "newspaper"


class PassedOn(Fields, frozen=True, kw_only=True):
    """From the procuratorate, the report centre or the petition office: they are answered under their own number.

    `their_ref` is for logs that hold a reference already.
    """

    their_number: Number | None = None
    their_ref: Code | None = None
    received_on: date | None = None

    def __post_init__(self) -> None:
        if (self.their_number is None) == (self.their_ref is None):
            raise ValueError("their_number: the number that they are answered under is needed")


class Supervisor(Fields, frozen=True, kw_only=True):
    """`supervisor` is the code of a supervisor (监督员) in the register (row A5)."""

    supervisor: Code


class ReceptionDay(Fields, frozen=True, kw_only=True):
    """A leader receives people (大接访), or goes to them (下访)."""

    leader: Code
    held_on: date
    kind: Literal["reception", "visit"] = "reception"


class Email(Fields, frozen=True, kw_only=True):
    message_ref: Code | None = None
    received_on: date | None = None


class Open311(Fields, frozen=True, kw_only=True):
    service_code: Code | None = None


class Import(Fields, frozen=True, kw_only=True):
    batch: Code | None = None
    row: Code | None = None


CHANNELS: Mapping[Channel, type[Fields]] = {
    "hotline": Hotline, "website": Website, "letter": Letter, "questionnaire": Questionnaire,
    "supervision_box": SupervisionBox, "media": Media, "procuratorate": PassedOn, "report_centre": PassedOn,
    "petition_office": PassedOn, "supervisor": Supervisor, "reception_day": ReceptionDay, "email": Email,
    "open311": Open311, "import": Import,
}  # fmt: skip


def read_intake(channel: Channel, fields: Mapping[str, Any], keep_number: Callable[[str], str]) -> Intake:
    """The channel's fields as the log has them. `keep_number` keeps the number of another body and returns a reference.

    Raises ValueError that names the field: unknown, missing, of the wrong form, or a number that points at a person.
    """
    try:
        found = msgspec.convert(fields, CHANNELS[channel])
    except msgspec.ValidationError as error:
        raise ValueError(f"intake of the channel {channel}: {error}") from None
    intake: Intake = {name: value for name, value in msgspec.to_builtins(found).items() if value is not None}
    number = intake.pop("their_number", None)
    for name, value in intake.items():
        for text in value if isinstance(value, list) else (value,):
            refuse_personal(f"intake.{name}", text)
    if isinstance(number, str):
        intake["their_ref"] = keep_number(number)
    return intake


def refuse_personal(name: str, value: object) -> None:
    """Raises ValueError when `value` holds a telephone, identity or e-mail number: those have no place here."""
    if isinstance(value, str) and _PERSONAL.search(value):
        raise ValueError(f"{name}: telephone, identity card and e-mail numbers are never taken here")
