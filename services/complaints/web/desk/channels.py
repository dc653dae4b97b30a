"""What the intake desk asks for on each channel (row A1), and how the answers become the channel's fields. Pure.

The fields are those of services/complaints/domain/channels.py; here is how a clerk types them, and which of them stay
when the next case comes from the same box, programme or reception day.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal, NamedTuple

import msgspec

from services.complaints.domain.channels import Code, refuse_personal
from services.contracts.complaints import Channel
from services.contracts.instants import Instant
from services.shared.web.words import CITY_ZONE

Kind = Literal["code", "number", "date", "moment", "choice", "yes"]


class Field(NamedTuple):
    """`needed`: the channel is nothing without it. `kept`: it holds for the next case too. `today`: usually so."""

    name: str
    kind: Kind
    needed: bool = False
    kept: bool = False
    choices: tuple[str, ...] = ()
    today: bool = False


_PASSED_ON = (Field("their_number", "number", needed=True), Field("received_on", "date", kept=True, today=True))
_OPENERS = ("opener_1", "opener_2")
# In the order of the keys 1 to 9 and 0; what people send by themselves (website, Open311) is not taken down here.
FIELDS: Mapping[Channel, tuple[Field, ...]] = {
    "hotline": (Field("caller", "choice", choices=("unknown", "anonymous", "known")), Field("call_ref", "code")),
    "letter": (
        Field("received_on", "date", kept=True, today=True), Field("letter_ref", "code"), Field("signed", "yes"),
    ),
    "supervision_box": (
        Field("box", "code", needed=True, kept=True), Field("opened_at", "moment", needed=True, kept=True),
        *(Field(name, "code", needed=True, kept=True) for name in _OPENERS),
    ),
    "media": (
        Field("kind", "choice", kept=True, choices=("television", "radio", "newspaper", "online")),
        Field("outlet", "code", needed=True, kept=True), Field("published_on", "date", needed=True, kept=True),
    ),
    "procuratorate": _PASSED_ON,
    "report_centre": _PASSED_ON,
    "petition_office": _PASSED_ON,
    "supervisor": (Field("supervisor", "code", needed=True),),
    "reception_day": (
        Field("kind", "choice", kept=True, choices=("reception", "visit")),
        Field("leader", "code", needed=True, kept=True), Field("held_on", "date", needed=True, kept=True, today=True),
    ),
    "email": (Field("received_on", "date", today=True), Field("message_ref", "code")),
    "questionnaire": (Field("campaign", "code", kept=True), Field("question", "code")),
}  # fmt: skip
KEYS: Mapping[Channel, str] = dict(zip(FIELDS, "1234567890-", strict=True))


def channel_of(given: object) -> Channel:
    """The channel that is named, the hotline when none is."""
    return next((channel for channel in FIELDS if channel == given), "hotline")


def mistakes(channel: Channel, given: Mapping[str, str]) -> dict[str, str]:
    """Field -> the key of the sentence that says what is wrong with it."""
    found = {}
    for field in FIELDS[channel]:
        text = given.get(field.name, "")
        if not text and field.needed:
            found[field.name] = "wrong.needed"
        elif text and (wrong := _wrong(field, text)):
            found[field.name] = wrong
    if channel == "supervision_box" and not found and given["opener_1"] == given["opener_2"]:
        found["opener_2"] = "wrong.openers"
    return found


def intake(channel: Channel, given: Mapping[str, str]) -> dict[str, Any]:
    """The channel's fields as the API takes them. Raises ValueError for what `mistakes` would name."""
    fields: dict[str, Any] = {}
    for field in FIELDS[channel]:
        text = given.get(field.name, "")
        if field.kind == "yes":
            fields[field.name] = bool(text)
        elif field.kind == "moment" and text:
            fields[field.name] = _moment(text).isoformat()
        elif text:
            fields[field.name] = text
    if channel == "supervision_box":
        fields["openers"] = [fields.pop(name) for name in _OPENERS]
        fields["batch"] = f"{fields['box']}-{_moment(given['opened_at']):%Y%m%d-%H%M}"
    return fields


def kept(channel: Channel, fields: Mapping[str, Any]) -> dict[str, str]:
    """Of a filed case's channel fields those that hold for the next case, as they are typed."""
    known = dict(fields)
    if channel == "supervision_box":
        known |= dict(zip(_OPENERS, known.get("openers", ()), strict=False))
    found = {field.name: str(known[field.name]) for field in FIELDS[channel] if field.kept and known.get(field.name)}
    if "opened_at" in found:
        found["opened_at"] = f"{msgspec.convert(found['opened_at'], Instant).astimezone(CITY_ZONE):%Y-%m-%dT%H:%M}"
    return found


def _moment(text: str) -> datetime:
    """A moment as the browser's field has it, by the city's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=CITY_ZONE)


def _wrong(field: Field, text: str) -> str | None:
    try:
        refuse_personal(field.name, text)
    except ValueError:
        return None if field.kind == "number" else "wrong.personal"
    match field.kind:
        case "code" if not _is_code(text):
            return "wrong.code"
        case "number" if len(text) > 64:
            return "wrong.too_long"
        case "choice" if text not in field.choices:
            return "wrong.choice"
        case "date" if not _reads(date.fromisoformat, text):
            return "wrong.date"
        case "moment" if not _reads(_moment, text):
            return "wrong.date"
    return None


def _is_code(text: str) -> bool:
    try:
        msgspec.convert(text, Code)
    except msgspec.ValidationError:
        return False
    return True


def _reads(read: Any, text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True
