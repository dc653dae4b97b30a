"""The bodies of complaint commands: what people write goes into the store of texts, its reference into the event."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from services.complaints.domain.channels import read_intake, refuse_personal
from services.complaints.domain.complaint import LIFE
from services.complaints.inbox_schemas import message_bodies
from services.contracts.complaints import ComplaintFiledV1, ComplaintIdentifiedV1
from services.contracts.envelope import EventModel
from services.contracts.identity import Identity, SealedIdentity
from services.shared.bodies import Body, M, check_length
from services.shared.problems import Problem

MAX_COMPLAINT_TEXT = 10_000
KeepText = Callable[[str, str], str]  # (text, request name) -> its reference
Seal = Callable[[Identity, str], SealedIdentity]
# Commands in which somebody writes: the field that takes the reference of `text`.
_TEXTS = {
    "file": "text_ref", "appeal-refusal": "text_ref", "appeal": "text_ref", "reply": "text_ref",
    "advise": "opinion_ref",
}  # fmt: skip
# Commands whose reason is kept apart as well.
_REASONS = frozenset({"return", "transfer", "extend", "sign-off"})


class FileComplaint(ComplaintFiledV1, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A complaint as it is filed: the event's fields and, apart from them, what the person wrote and who they are.

    A person may stay anonymous: without `identity` nothing asks who they are. `intake` has the fields of the channel.
    """

    text: str | None = None
    identity: Identity | None = None


class Identify(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who the person is, given after filing."""

    identity: Identity


class Words(msgspec.Struct, frozen=True):
    """A text that somebody wrote."""

    text: str


class OpaqueBody(Body[M]):
    """A body of codes and references. A telephone, identity card or e-mail number in any field is refused."""

    def _data(self, found: M, **changes: Any) -> M:
        data = super()._data(found, **changes)
        try:
            for name in self.model.__struct_fields__:
                value = getattr(data, name)
                for text in value if isinstance(value, list) else (value,):
                    refuse_personal(name, text)
        except ValueError as error:
            raise invalid(str(error)) from None
        return data


class TextBody(OpaqueBody[M]):
    """A body with a `text` beside the event's fields; `field` of the event takes its reference."""

    def __init__(
        self, model: type[M], keep_text: KeepText, field: str, schema: type[msgspec.Struct] | None = None
    ) -> None:  # fmt: skip
        super().__init__(model, schema or _with_text(model))
        self._keep_text, self._field = keep_text, field

    def read(self, raw: bytes, request_name: str) -> M:
        return self._kept(self._decoder.decode(raw or b"{}"), request_name)

    def _kept(self, found: Any, request_name: str) -> M:
        """The event data of a body whose text is kept."""
        data = self._data(found, **self._changes(found, request_name))
        if found.text is None:
            return data
        if getattr(data, self._field) is not None:
            raise invalid(f"give text or {self._field}, not both")
        check_length("text", found.text, MAX_COMPLAINT_TEXT)
        return msgspec.structs.replace(data, **{self._field: self._keep_text(found.text, request_name)})

    def _changes(self, found: Any, request_name: str) -> dict[str, Any]:
        return {}


class FileBody(TextBody[ComplaintFiledV1]):
    """A filing: the fields of its channel are checked too (row A1). `seal(identity, request name)` seals who the person
    is to the custodians (row A3)."""

    def __init__(self, keep_text: KeepText, seal: Seal) -> None:
        super().__init__(ComplaintFiledV1, keep_text, "text_ref", FileComplaint)
        self._seal = seal

    def take(self, raw: bytes, request_name: str) -> tuple[ComplaintFiledV1, dict[str, Any]]:
        found = self._decoder.decode(raw or b"{}")
        if found.identity_ref is not None:
            raise invalid("identity_ref is given here, not taken")
        data = self._kept(found, request_name)
        if found.identity is None:
            return data, {}
        ref, beside = sealed_beside(found.identity, self._seal, request_name)
        # Not looked through again: a reference of random digits may look like a telephone number.
        return msgspec.structs.replace(data, identity_ref=ref), beside

    def _changes(self, found: FileComplaint, request_name: str) -> dict[str, Any]:
        def keep_number(number: str) -> str:
            return self._keep_text(number, request_name)

        try:
            return {"intake": read_intake(found.channel, found.intake, keep_number)}
        except ValueError as error:
            raise invalid(str(error)) from None


class IdentifyBody(Body[ComplaintIdentifiedV1]):
    """A name given after filing. `seal` as in FileBody."""

    def __init__(self, seal: Seal) -> None:
        super().__init__(ComplaintIdentifiedV1, Identify)
        self._seal = seal

    def take(self, raw: bytes, request_name: str) -> tuple[ComplaintIdentifiedV1, dict[str, Any]]:
        ref, beside = sealed_beside(self._decoder.decode(raw or b"{}").identity, self._seal, request_name)
        return ComplaintIdentifiedV1(identity_ref=ref), beside


def sealed_beside(identity: Identity, seal: Seal, request_name: str) -> tuple[str, dict[str, Any]]:
    """The reference of an identity, and the field of the document that takes it sealed."""
    if identity == Identity():
        raise invalid("identity: give at least one of its fields, or leave it out")
    sealed = seal(identity, request_name)
    return sealed.identity_ref, {"sealed": msgspec.structs.asdict(sealed)}


class ReasonBody(Body[M]):
    """A body whose `reason` is a sentence: the event takes its reference."""

    def __init__(self, model: type[M], keep_text: KeepText) -> None:
        super().__init__(model)
        self._keep_text = keep_text

    def read(self, raw: bytes, request_name: str) -> M:
        data = super().read(raw, request_name)
        reason = getattr(data, "reason", None)
        return msgspec.structs.replace(data, reason=self._keep_text(reason, request_name)) if reason else data


def invalid(detail: str) -> Problem:
    """The 422 problem of a body."""
    return Problem(422, "The request is not valid", detail, slug="invalid")


def _with_text(model: type[EventModel]) -> type[msgspec.Struct]:
    return msgspec.defstruct(
        model.__name__, [("text", str | None, None)], bases=(model,), forbid_unknown_fields=True, frozen=True,
        kw_only=True,
    )  # fmt: skip


def command_bodies(keep_text: KeepText, seal: Seal) -> Mapping[str, Body[Any]]:
    """The body of every complaint command."""
    found: dict[str, Body[Any]] = {}
    for command, model in LIFE.models.items():
        if command in _TEXTS:
            found[command] = TextBody(model, keep_text, _TEXTS[command])
        else:
            found[command] = ReasonBody(model, keep_text) if command in _REASONS else OpaqueBody(model)
    return found | dict(message_bodies(keep_text)) | {
        LIFE.opening: FileBody(keep_text, seal), "identify": IdentifyBody(seal)
    }  # fmt: skip
