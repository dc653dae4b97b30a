"""The forms of commands: which fields each has, what is wrong with what was typed, and the body that it makes. Pure.

A body is what the API takes. Who may give a command, and when, is said in offered.py.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

from services.complaints.domain.channels import refuse_personal
from services.complaints.domain.complaint import LIFE, Complaint
from services.complaints.inbox_schemas import MAX_MESSAGE
from services.complaints.schemas import MAX_COMPLAINT_TEXT
from services.complaints.web.desk.registry import Registry
from services.contracts import complaints as contracts
from services.contracts.identity import MAX_IDENTITY_FIELD, Identity
from services.shared.access import Principal
from services.shared.bodies import MAX_TEXT

Kind = Literal["text", "sentence", "code", "choice", "unit", "units", "evidence", "days", "case", "who"]
Typed = Mapping[str, Sequence[str]]
MAX_DAYS = 3660


class Field(NamedTuple):
    """One field; `most` characters at most. A choice's `choices` are codes; `needed`: not to be left empty."""

    name: str
    kind: Kind
    needed: bool = False
    choices: tuple[str, ...] = ()
    most: int = MAX_TEXT


def _choice(name: str, of: Any, needed: bool = True, without: Collection[str] = ()) -> Field:
    return Field(name, "choice", needed, tuple(code for code in get_args(of) if code not in without))


_TEXT = Field("text", "text", True, most=MAX_COMPLAINT_TEXT)
_WORDS = Field("text", "text", True, most=MAX_MESSAGE)
_WHY = Field("reason", "sentence", True)
_APPEAL = (_choice("ground", contracts.AppealGround), Field("text", "text", most=MAX_COMPLAINT_TEXT))
_OUTCOME = _choice("outcome", contracts.AppealOutcome)
_APPROVED_BY = Field("approved_by", "code", True)
_LEAD = (Field("unit", "unit", True), Field("assisting", "units"))
FIELDS: Mapping[str, tuple[Field, ...]] = {
    "accept": (_choice("severity", contracts.Severity, needed=False),),
    "refuse": (_choice("reason", contracts.RefusalReason),),
    "merge": (Field("into", "case", True),),
    "appeal-refusal": _APPEAL, "review-refusal": (_OUTCOME,),
    "dispatch": _LEAD, "transfer": (*_LEAD, _WHY),
    "sign-in": (), "return": (_WHY,), "respond": (),
    "advise": (_TEXT, Field("evidence_refs", "evidence")),
    "extend": (Field("days", "days", True), _APPROVED_BY, _WHY),
    "pause": (_choice("ground", contracts.PauseGround), Field("notice_ref", "code", True), _APPROVED_BY),
    "resume": (),
    "conclude": (
        _choice("finding", contracts.Finding), _choice("offence", contracts.Offence),
        Field("evidence_refs", "evidence"),
    ),
    "sign-off": (Field("approved", "choice", True, ("yes", "no")), Field("reason", "sentence")),
    "reply": (_TEXT,), "answer-back": (),
    "call-back": (
        _choice("way", contracts.CallBackWay, without=("inbox",)), _choice("outcome", contracts.CallBackOutcome),
        Field("satisfaction", "choice", choices=("5", "4", "3", "2", "1")),
    ),
    "appeal": _APPEAL, "review": (_OUTCOME,),
    "correct": (Field("evidence_refs", "evidence", True),),
    "close": (), "ask": (_WORDS,), "supplement": (_WORDS,),
    "identify": tuple(Field(name, "who", most=MAX_IDENTITY_FIELD) for name in Identity.__struct_fields__),
}  # fmt: skip


def typed_of(command: str, given: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """What was typed into the form of `command`; line ends are made plain, so that a text sent twice is one text."""
    return {
        field.name: [text for value in given.get(field.name, ()) if (text := value.replace("\r\n", "\n").strip())]
        for field in FIELDS[command]
    }


def mistakes(command: str, typed: Typed, registry: Registry) -> dict[str, str]:
    """Field -> the key of the sentence that says what is wrong with it, in the order of the form."""
    found = {}
    for field in FIELDS[command]:
        if wrong := _wrong(field, typed.get(field.name, ()), registry):
            found[field.name] = wrong
    if command == "sign-off" and typed.get("approved") == ["no"] and not typed.get("reason"):
        found["reason"] = "wrong.needed"
    if command == "call-back" and (typed.get("outcome") == ["rated"]) != bool(typed.get("satisfaction")):
        found["satisfaction"] = "wrong.satisfaction"
    if command == "conclude" and typed.get("finding") != ["unfounded"] and not typed.get("evidence_refs"):
        found["evidence_refs"] = "wrong.evidence"
    if command == "identify" and not any(typed.values()):
        found["name"] = "wrong.needed"
    return found


def _wrong(field: Field, values: Sequence[str], registry: Registry) -> str | None:
    if not values:
        return "wrong.needed" if field.needed else None
    match field.kind:
        case "text" | "sentence" | "code" | "case" | "who" if len(values[0]) > field.most:
            return "wrong.too_long"
        case "code" if _personal(values[0]):
            return "wrong.personal"
        case "choice" if values[0] not in field.choices:
            return "wrong.choice"
        case "days" if not (values[0].isdecimal() and 1 <= int(values[0]) <= MAX_DAYS):
            return "wrong.days"
        case "unit" | "units":
            found = [registry.found(name) for value in values for name in _names(value, field.kind)]
            return "wrong.unit" if not all(found) else "wrong.unit_several" if any(len(f) > 1 for f in found) else None
    return None


def body_of(command: str, typed: Typed, case: Complaint, principal: Principal, registry: Registry) -> dict[str, Any]:
    """The body of a form without mistakes. An agency acts in its own name."""
    body: dict[str, Any] = {}
    for field in FIELDS[command]:
        values = typed.get(field.name, ())
        if values:
            body |= _given(field, values, registry)
    if command == "identify":
        return {"identity": body}
    if command == "answer-back":
        body |= {"channel": case.channel, "their_ref": case.their_ref}
    elif "agency" in LIFE.models[command].__struct_fields__ and principal.agency and "agency" not in body:
        body["agency"] = principal.agency
    return body


def _given(field: Field, values: Sequence[str], registry: Registry) -> dict[str, Any]:
    """One field of a form as the fields of a body."""
    match field.kind:
        case "unit":
            unit = registry.found(values[0])[0]
            section = {"section": unit.section_code} if unit.section_code else {}
            return {"agency": unit.agency.code, **section}
        case "units":
            found = [registry.found(name)[0] for value in values for name in _names(value, field.kind)]
            names = ["/".join(filter(None, (unit.agency.code, unit.section_code))) for unit in found]
            return {field.name: list(dict.fromkeys(names))}
        case "evidence":
            return {field.name: list(values)}
        case "days":
            return {"limit": {"amount": int(values[0]), "unit": "working_days"}}
    if field.name == "approved":
        return {"approved": values[0] == "yes"}
    return {field.name: int(values[0]) if field.name == "satisfaction" else values[0]}


def _names(value: str, kind: Kind) -> list[str]:
    """Several units stand in one field, one a line or with a semicolon between."""
    return (
        [value] if kind == "unit" else [n for n in value.replace("；", ";").replace("\n", ";").split(";") if n.strip()]
    )


def _personal(text: str) -> bool:
    try:
        refuse_personal("", text)
    except ValueError:
        return True
    return False
