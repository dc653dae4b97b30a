"""The bodies of complaint commands."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from services.complaints.domain.complaint import LIFE
from services.contracts.complaints import ComplaintFiledV1
from services.shared.bodies import Body, bodies, check_length
from services.shared.problems import Problem

MAX_COMPLAINT_TEXT = 10_000


class FileComplaint(ComplaintFiledV1, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A complaint as it is filed: the event's fields and, apart from them, what the person wrote.

    There is no field for a name, an address or a telephone number.
    """

    text: str | None = None


class FileBody(Body[ComplaintFiledV1]):
    """Reads a filing. `keep_text(text, request name)` keeps what the person wrote and returns its reference."""

    def __init__(self, keep_text: Callable[[str, str], str]) -> None:
        super().__init__(ComplaintFiledV1, FileComplaint)
        self._keep_text = keep_text

    def read(self, raw: bytes, request_name: str) -> ComplaintFiledV1:
        found = msgspec.json.decode(raw or b"{}", type=FileComplaint)
        data = self._data(found)
        if found.text is None:
            return data
        if data.text_ref is not None:
            raise Problem(422, "The request is not valid", "give text or text_ref, not both", slug="invalid")
        check_length("text", found.text, MAX_COMPLAINT_TEXT)
        return self._data(found, text_ref=self._keep_text(found.text, request_name))


def command_bodies(keep_text: Callable[[str, str], str]) -> Mapping[str, Body[Any]]:
    """The body of every complaint command."""
    return bodies(LIFE.models) | {LIFE.opening: FileBody(keep_text)}
