"""JSON Schemas (2020-12) of the envelope and of every event type, from the models. Free of I/O."""

from collections.abc import Iterator, Mapping
from inspect import cleandoc
from typing import Any

import msgspec

from services.contracts.envelope import Envelope, EventModel
from services.contracts.registry import MODELS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ENVELOPE = "envelope"
_REF = "#/$defs/"
Schema = dict[str, Any]


def schemas(models: Mapping[str, type[EventModel]] = MODELS) -> dict[str, Schema]:
    """Name -> schema: `envelope`, and the data of each event type under its type ("complaint.filed.v1").

    Fields that a schema does not name are allowed: consumers ignore what they do not know.
    """
    _, components = msgspec.json.schema_components([*models.values()], ref_template=f"{_REF}{{name}}")
    for component in components.values():
        component["additionalProperties"] = True
    found = {ENVELOPE: _document(ENVELOPE, _envelope(), {})}
    for event_type, model in models.items():
        found[event_type] = _document(event_type, components[model.__name__], components)
    return found


def _document(name: str, body: Schema, components: Mapping[str, Schema]) -> Schema:
    used: dict[str, Schema] = {}
    pending = set(_refs(body))
    while pending:
        ref = pending.pop()
        used[ref] = components[ref]
        pending |= set(_refs(components[ref])) - used.keys()
    defs = {"$defs": dict(sorted(used.items()))} if used else {}
    return {"$schema": DIALECT, "$id": f"urn:duban:{name}"} | body | defs


def _refs(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].removeprefix(_REF)
        for value in node.values():
            yield from _refs(value)
    elif isinstance(node, list):
        for value in node:
            yield from _refs(value)


def _envelope() -> Schema:
    # msgspec.Raw has no schema: the same fields with an object in the place of `data`.
    fields = [
        (f.name, dict if f.name == "data" else f.type, *([] if f.required or f.name == "data" else [f.default]))
        for f in msgspec.structs.fields(Envelope)
    ]
    _, components = msgspec.json.schema_components([msgspec.defstruct("Envelope", fields, kw_only=True)])
    body: Schema = components["Envelope"]
    body["properties"]["data"] = {"type": "object", "description": "The event itself: its schema is named by `type`."}
    # CloudEvents asks for it on the wire, although our decoder can do without.
    body["required"] = [*body["required"], "specversion"]
    return body | {"description": cleandoc(Envelope.__doc__ or ""), "additionalProperties": True}
