"""The life of a complaint as one table (rows A1, A2, B1-B5). Free of frameworks, clocks and I/O.

    new ─file→ filed ─accept→ accepted ─dispatch→ dispatched ⇄ returned (return, dispatch)
                 │ │             ↑                    │ sign-in
                 │ └─refuse→ refused                  ↓
                 │             │ appeal-refusal     signed ⇄ paused (pause, resume)
                 │             ↓                      │ conclude
                 │      refusal_appealed              ├──────────────→ awaiting_sign_off (sign-off, or sent back)
                 │             │ review-refusal       ↓                     │
                 │      accepted, or refusal_upheld concluded ←─────────────┘
                 │                                    │ reply
                 └─merge→ merged ───────reply───→ replied ─call-back→ called_back ─close→ closed
                                                      │ ↑                  │
                                               appeal │ │ reply      appeal│   (rated badly: redo)
                                                      ↓ │                  │
                                    upheld ←review─ appealed ─review→ redo ─conclude→ concluded

respond, advise and transfer belong to a case in hand: dispatched, signed, redo; transfer gives it to another lead
agency, as dispatched. extend is for the first conclusion, not for a redo. correct puts right what was verified, once
that stands; a case is not closed while it is owed. answer-back tells the body that passed the complaint on. A reply
after the first is a supplementary one and leaves the case where it is. Signing in is not forced: its clock runs anyway.
ask and supplement are what is said between the person and whoever handles the case, in any status, also after the end:
that is when somebody says that nothing has changed (row A3). identify adds a name, once, to a complaint
filed without one. docs/complaints.md has the table.
"""

from services.contracts.complaints import (
    Channel,
    ComplaintAcceptedV1,
    ComplaintAdvisedV1,
    ComplaintAnsweredBackV1,
    ComplaintAppealedV1,
    ComplaintCalledBackV1,
    ComplaintClosedV1,
    ComplaintConcludedV1,
    ComplaintCorrectedV1,
    ComplaintDispatchedV1,
    ComplaintExtendedV1,
    ComplaintFiledV1,
    ComplaintIdentifiedV1,
    ComplaintMergedV1,
    ComplaintPausedV1,
    ComplaintRefusalAppealedV1,
    ComplaintRefusalReviewedV1,
    ComplaintRefusedV1,
    ComplaintRepliedV1,
    ComplaintRespondedV1,
    ComplaintResumedV1,
    ComplaintReturnedV1,
    ComplaintReviewedV1,
    ComplaintSignedOffV1,
    ComplaintSignedV1,
    ComplaintTransferredV1,
    Offence,
    Severity,
)
from services.contracts.conversation import ComplaintAskedV1, ComplaintSupplementedV1
from services.contracts.lifecycle import NEW, Case, Lifecycle

_CONCLUDE = {"conclude": ("concluded", "awaiting_sign_off")}
_RETURN = {"return": ("returned",)}


def _stay(status: str, *commands: str) -> dict[str, tuple[str, ...]]:
    return dict.fromkeys(commands, (status,))


def _in_hand(status: str) -> dict[str, tuple[str, ...]]:
    return {**_stay(status, "respond", "advise"), "transfer": ("dispatched",), **_CONCLUDE}


def _answered(status: str) -> dict[str, tuple[str, ...]]:
    return {"appeal": ("appealed",), **_stay(status, "reply", "correct", "answer-back"), "close": ("closed",)}


def _with_talk(table: dict[str, dict[str, tuple[str, ...]]]) -> dict[str, dict[str, tuple[str, ...]]]:
    return {
        status: row if status == NEW else {**row, **_stay(status, "ask", "supplement", "identify")}
        for status, row in table.items()
    }


LIFE = Lifecycle(
    kind="complaint",
    opening="file",
    models={
        "file": ComplaintFiledV1, "merge": ComplaintMergedV1, "accept": ComplaintAcceptedV1,
        "refuse": ComplaintRefusedV1, "appeal-refusal": ComplaintRefusalAppealedV1,
        "review-refusal": ComplaintRefusalReviewedV1, "dispatch": ComplaintDispatchedV1,
        "transfer": ComplaintTransferredV1, "sign-in": ComplaintSignedV1, "return": ComplaintReturnedV1,
        "respond": ComplaintRespondedV1, "advise": ComplaintAdvisedV1, "extend": ComplaintExtendedV1,
        "pause": ComplaintPausedV1, "resume": ComplaintResumedV1, "conclude": ComplaintConcludedV1,
        "sign-off": ComplaintSignedOffV1, "reply": ComplaintRepliedV1, "answer-back": ComplaintAnsweredBackV1,
        "call-back": ComplaintCalledBackV1, "appeal": ComplaintAppealedV1, "review": ComplaintReviewedV1,
        "correct": ComplaintCorrectedV1, "close": ComplaintClosedV1,
        "ask": ComplaintAskedV1, "supplement": ComplaintSupplementedV1, "identify": ComplaintIdentifiedV1,
    },
    table=_with_talk({
        "new": {"file": ("filed",)},
        "filed": {"accept": ("accepted",), "refuse": ("refused",), "merge": ("merged",)},
        "refused": {
            "appeal-refusal": ("refusal_appealed",), **_stay("refused", "reply", "answer-back"), "close": ("closed",),
        },
        "refusal_appealed": {"review-refusal": ("accepted", "refusal_upheld")},
        "refusal_upheld": {**_stay("refusal_upheld", "reply", "answer-back"), "close": ("closed",)},
        "accepted": {"dispatch": ("dispatched",), "merge": ("merged",)},
        "merged": {"reply": ("replied",)},
        "dispatched": {"sign-in": ("signed",), **_RETURN, **_in_hand("dispatched"), **_stay("dispatched", "extend")},
        "signed": {**_RETURN, **_in_hand("signed"), **_stay("signed", "extend"), "pause": ("paused",)},
        "paused": {**_stay("paused", "respond", "advise"), "resume": ("signed",)},
        "returned": {"dispatch": ("dispatched",)},
        "awaiting_sign_off": {"sign-off": ("concluded", "signed")},
        "concluded": {"reply": ("replied",), **_stay("concluded", "correct")},
        "replied": {"call-back": ("called_back", "redo"), **_answered("replied")},
        "called_back": _answered("called_back"),
        "redo": {**_in_hand("redo"), **_stay("redo", "correct")},
        "appealed": {"review": ("upheld", "redo"), **_stay("appealed", "correct")},
        "upheld": _answered("upheld"),
        "closed": _stay("closed", "reply", "answer-back"),
    }),
)  # fmt: skip
# Where the person has been answered and nothing is under review.
ANSWERED = frozenset({"replied", "called_back", "upheld", "closed"})


class Complaint(Case, frozen=True, kw_only=True):
    """`agency` is the lead agency from the dispatch on, `about` the agency complained of.

    `handlers` are the accounts that refused, concluded, signed or reviewed it: an appeal is for somebody else.
    `their_ref` refers to the number of the body that passed it on, `supervisor` is the code of the supervisor who
    reported it (row A5), `identity_ref` says that the person gave a name. `found`: its conclusion found something to
    put right; `correction_due`: that stands, and is not put right yet. `filed_at` is in microseconds.
    """

    channel: Channel = "website"
    about: str | None = None
    offence: Offence = "other"
    item: str | None = None
    place: str | None = None
    filed_at: int = 0
    severity: Severity | None = None
    assisting: tuple[str, ...] = ()
    text_ref: str | None = None
    their_ref: str | None = None
    supervisor: str | None = None
    identity_ref: str | None = None
    merged_into: str | None = None
    handlers: tuple[str, ...] = ()
    redos: int = 0
    appeals: int = 0
    found: bool = False
    correction_due: bool = False
