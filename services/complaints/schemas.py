"""The bodies of complaint commands."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from services.complaints.domain.complaint import LIFE
from services.contracts.complaints import ComplaintFiledV1
from services.contracts.identity import Identity, SealedIdentity
from services.shared.bodies import Body, bodies, check_length
from services.shared.problems import Problem

MAX_COMPLAINT_TEXT = 10_000


class FileComplaint(ComplaintFiledV1, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A complaint as it is filed: the event's fields and, apart from them, what the person wrote and who they are.

    A person may stay anonymous: without `identity` nothing asks who they are.
    """

    text: str | None = None
    identity: Identity | None = None


class FileBody(Body[ComplaintFiledV1]):
    """Reads a filing. `keep_text(text, request name)` keeps what the person wrote and returns its reference;
    `seal(identity, request name)` seals who they are to the custodians."""

    def __init__(
        self, keep_text: Callable[[str, str], str], seal: Callable[[Identity, str], SealedIdentity]
    ) -> None:  # fmt: skip
        super().__init__(ComplaintFiledV1, FileComplaint)
        self._keep_text, self._seal = keep_text, seal

    def take(self, raw: bytes, request_name: str) -> tuple[ComplaintFiledV1, dict[str, Any]]:
        found = self._decoder.decode(raw or b"{}")
        if found.identity_ref is not None:
            raise Problem(422, "The request is not valid", "identity_ref is given here, not taken", slug="invalid")
        data = self._with_text(found, request_name)
        if found.identity is None:
            return data, {}
        if found.identity == Identity():
            detail = "identity: give at least one of its fields, or leave it out"
            raise Problem(422, "The request is not valid", detail, slug="invalid")
        sealed = self._seal(found.identity, request_name)
        return self._data(data, identity_ref=sealed.identity_ref), {"sealed": msgspec.structs.asdict(sealed)}

    def _with_text(self, found: FileComplaint, request_name: str) -> ComplaintFiledV1:
        data = self._data(found)
        if found.text is None:
            return data
        if data.text_ref is not None:
            raise Problem(422, "The request is not valid", "give text or text_ref, not both", slug="invalid")
        check_length("text", found.text, MAX_COMPLAINT_TEXT)
        return self._data(found, text_ref=self._keep_text(found.text, request_name))


def command_bodies(
    keep_text: Callable[[str, str], str], seal: Callable[[Identity, str], SealedIdentity]
) -> Mapping[str, Body[Any]]:  # fmt: skip
    """The body of every complaint command."""
    return bodies(LIFE.models) | {LIFE.opening: FileBody(keep_text, seal)}
