"""The life of a complaint (rows A1, A2, B1-B3). Free of frameworks, clocks and I/O.

    new ─file→ filed ─accept→ accepted ─dispatch→ dispatched ─sign-in→ signed ─conclude→ concluded ─reply→ replied
                 │                                 │  ↑  └────────conclude────────────────↑                  ↑
                 │                              return dispatch      │ return                                │
                 │                                 ↓  │              ↓                                       │
                 │                                returned ←─────────┘                                       │
                 └─refuse→ refused ─reply───────────────────────────────────────────────────────────────────┘

respond and extend leave a dispatched or signed complaint where it is. Signing in is not forced: its clock runs anyway.
"""

from datetime import datetime

from services.contracts.complaints import (
    Channel,
    ComplaintAcceptedV1,
    ComplaintConcludedV1,
    ComplaintDispatchedV1,
    ComplaintExtendedV1,
    ComplaintFiledV1,
    ComplaintRefusedV1,
    ComplaintRepliedV1,
    ComplaintRespondedV1,
    ComplaintReturnedV1,
    ComplaintSignedV1,
)
from services.contracts.envelope import EventModel
from services.contracts.lifecycle import Case, Command, Lifecycle, advance

_IN_HAND = {
    "return": ("returned",), "respond": ("dispatched",), "extend": ("dispatched",), "conclude": ("concluded",),
}  # fmt: skip
LIFE = Lifecycle(
    kind="complaint",
    opening="file",
    models={
        "file": ComplaintFiledV1, "accept": ComplaintAcceptedV1, "refuse": ComplaintRefusedV1,
        "dispatch": ComplaintDispatchedV1, "sign-in": ComplaintSignedV1, "return": ComplaintReturnedV1,
        "respond": ComplaintRespondedV1, "extend": ComplaintExtendedV1, "conclude": ComplaintConcludedV1,
        "reply": ComplaintRepliedV1,
    },
    table={
        "new": {"file": ("filed",)},
        "filed": {"accept": ("accepted",), "refuse": ("refused",)},
        "accepted": {"dispatch": ("dispatched",)},
        "dispatched": {"sign-in": ("signed",), **_IN_HAND},
        "signed": {**_IN_HAND, "respond": ("signed",), "extend": ("signed",)},
        "returned": {"dispatch": ("dispatched",)},
        "concluded": {"reply": ("replied",)},
        "refused": {"reply": ("replied",)},
        "replied": {},
    },
)  # fmt: skip


class Complaint(Case, frozen=True, kw_only=True):
    """`agency` is the lead agency from the dispatch on, `about` the agency complained of."""

    channel: Channel = "website"
    about: str | None = None
    assisting: tuple[str, ...] = ()
    text_ref: str | None = None


def decide(document: Complaint, command: Command, now: datetime) -> tuple[Complaint, tuple[EventModel, ...]]:
    """The complaint after `command` at `now`, and the events that say so.

    Raises Refused when the complaint's status does not allow the command, when `now` lies before its last event, or
    when an agency acts on a complaint that lies with another one (B1).
    """
    (status,) = LIFE.next_statuses(document, command, now)
    match command.data:
        case ComplaintFiledV1() as filed:
            after = advance(document, status, now, channel=filed.channel, about=filed.agency, text_ref=filed.text_ref)
        case ComplaintDispatchedV1() as dispatched:
            after = advance(document, status, now, agency=dispatched.agency, assisting=tuple(dispatched.assisting))
        case ComplaintSignedV1() | ComplaintReturnedV1() | ComplaintConcludedV1() as acted:
            _lies_with(document, command.name, acted.agency, lead_only=True)
            after = advance(document, status, now)
        case ComplaintRespondedV1() as responded:
            _lies_with(document, command.name, responded.agency, lead_only=False)
            after = advance(document, status, now)
        case _:
            after = advance(document, status, now)
    return after, (command.data,)


def _lies_with(document: Complaint, command: str, agency: str, *, lead_only: bool) -> None:
    if agency == document.agency or (not lead_only and agency in document.assisting):
        return
    who = f"the lead agency {document.agency}" if lead_only else "its lead and assisting agencies"
    detail = f"{command} by {agency}: this complaint lies with {document.agency}, so {command} is for {who}"
    raise LIFE.refusal(document, "wrong-agency", detail)
