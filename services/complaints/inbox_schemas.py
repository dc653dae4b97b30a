"""The bodies of what people say to one another about a complaint, and what the inbox answers."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from services.contracts.conversation import ComplaintAskedV1, ComplaintSupplementedV1
from services.shared.bodies import Body, check_length
from services.shared.problems import Problem

MAX_MESSAGE = 4_000
MAX_REFS = 20
Keep = Callable[[str, str], str]


class Code(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A receipt code, in groups or not."""

    code: str


class Asking(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked of the person."""

    text: str
    agency: str | None = None


class Supplementing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the person adds. `answers` is the sequence of the question."""

    text: str
    answers: int | None = None


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the person writes or sends themselves: words, references to files sent before, or both."""

    text: str = ""
    evidence_refs: list[str] = []
    answers: int | None = None


class Rating(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """5 very satisfied to 1 very dissatisfied."""

    satisfaction: Annotated[int, msgspec.Meta(ge=1, le=5)]


class Appeal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why the person does not agree."""

    text: str


class Taken(msgspec.Struct, frozen=True):
    """A file that was taken. `cleaned`: nothing in it tells who made it."""

    ref: str
    size: int
    verdict: str
    cleaned: bool


class Step(msgspec.Struct, frozen=True):
    """One thing that happened to a complaint, as its receipt's holder sees it."""

    event: str
    at: datetime


class Said(msgspec.Struct, frozen=True):
    """One message. `sequence` is its event's, `answered` whether a later one names it."""

    sequence: int
    at: datetime
    by: Literal["person", "office"]
    text: str
    evidence: int = 0
    answered: bool = False


class Thread(msgspec.Struct, frozen=True):
    """How a complaint stands and what was said. Neither the agency's people nor their accounts are told here.

    `again_at_most`: a rating of so much or less has the complaint handled again (row B3).
    """

    status: str
    steps: list[Step]
    messages: list[Said]
    may: list[str]
    again_at_most: int | None = None


class AskBody(Body[ComplaintAskedV1]):
    """Reads a question. `keep_text` as in FileBody."""

    def __init__(self, keep_text: Keep) -> None:
        super().__init__(ComplaintAskedV1, Asking)
        self._keep_text = keep_text

    def read(self, raw: bytes, request_name: str) -> ComplaintAskedV1:
        found = msgspec.json.decode(raw or b"{}", type=Asking)
        check_words(found.text)
        return ComplaintAskedV1(text_ref=self._keep_text(found.text, request_name), agency=found.agency)


class SupplementBody(Body[ComplaintSupplementedV1]):
    """Reads what a clerk takes down."""

    def __init__(self, keep_text: Keep) -> None:
        super().__init__(ComplaintSupplementedV1, Supplementing)
        self._keep_text = keep_text

    def read(self, raw: bytes, request_name: str) -> ComplaintSupplementedV1:
        found = msgspec.json.decode(raw or b"{}", type=Supplementing)
        check_words(found.text)
        return ComplaintSupplementedV1(text_ref=self._keep_text(found.text, request_name), answers=found.answers)


def check_words(text: str) -> None:
    """Raises a 422 problem for a message that is empty or too long."""
    if not text.strip():
        raise Problem(422, "The request is not valid", "text is empty", slug="invalid")
    check_length("text", text, MAX_MESSAGE)


def message_bodies(keep_text: Keep) -> Mapping[str, Body[Any]]:
    """The bodies of ask and supplement."""
    return {"ask": AskBody(keep_text), "supplement": SupplementBody(keep_text)}
