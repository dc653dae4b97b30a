"""Request bodies: JSON to event data, strictly. Free of HTTP routing.

On the log unknown fields are ignored; in a request an unknown field is refused, so that a misspelt one is not lost and
nothing about a person slips in beside the fields that exist.
"""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import msgspec

from services.contracts.envelope import EventModel
from services.shared.problems import Problem

MAX_TEXT = 200
M = TypeVar("M", bound=EventModel)


class Body(Generic[M]):
    """Reads one command's body to the event data `model`. `schema` is the type that the API describes."""

    def __init__(self, model: type[M], schema: type[msgspec.Struct] | None = None) -> None:
        self.model = model
        self.schema = schema or msgspec.defstruct(
            model.__name__, [], bases=(model,), forbid_unknown_fields=True, frozen=True, kw_only=True
        )
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(self.schema)

    def read(self, raw: bytes, request_name: str) -> M:
        """The event data in `raw`. `request_name` is the same when the request is repeated with its Idempotency-Key.

        Raises msgspec's errors for what is no such body, Problem for a text too long.
        """
        return self._data(self._decoder.decode(raw or b"{}"))

    def take(self, raw: bytes, request_name: str) -> tuple[M, dict[str, Any]]:
        """What `read` gives, and fields that the document has beside the case."""
        return self.read(raw, request_name), {}

    def _data(self, found: M, **changes: Any) -> M:
        values = {name: getattr(found, name) for name in self.model.__struct_fields__} | changes
        for name, value in values.items():
            for text in value if isinstance(value, list | tuple) else (value,):
                if isinstance(text, str):
                    check_length(name, text, MAX_TEXT)
        return self.model(**values)


def check_length(name: str, text: str, most: int) -> None:
    """Raises a 422 problem when `text` has more than `most` characters."""
    if len(text) > most:
        detail = f"{name} has {len(text)} characters: {most} are the most"
        raise Problem(422, "The request is not valid", detail, slug="invalid")


def bodies(models: Mapping[str, type[EventModel]]) -> dict[str, Body[Any]]:
    """The body of every command in `models`."""
    return {name: Body(model) for name, model in models.items()}
