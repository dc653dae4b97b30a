"""What a change of the models would break for records already on the log. Free of I/O.

The log is replayed from its first record for ever, so a schema of one version may only grow: whatever was valid stays
valid and means the same. Widening (a new optional field, another enum value, looser bounds) is no break.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

Schema = Mapping[str, Any]
_LOWER_BOUNDS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_EXACT = ("pattern", "format", "multipleOf")
_ABSENT = object()


class Break(msgspec.Struct, frozen=True, order=True):
    """One breaking change: of which event type, at which field ("limit.amount"), and what happened to it."""

    event_type: str
    field: str
    what: str

    def __str__(self) -> str:
        where = f"{self.event_type}: field {self.field!r}" if self.field else self.event_type
        return f"{where} {self.what}. {_remedy(self.event_type)}"


def breaks(baseline: Mapping[str, Schema], current: Mapping[str, Schema]) -> list[Break]:
    """Every breaking change between two sets of schemas, each named by event type. Empty when there is none."""
    found: list[Break] = []
    for event_type, old in baseline.items():
        if event_type not in current:
            found.append(Break(event_type, "", "has been removed or renamed, and its records are still on the log"))
            continue
        new = current[event_type]
        found += [Break(event_type, field, what) for field, what in _narrowed(old, new, old, new, "")]
    return sorted(found)


def _remedy(event_type: str) -> str:
    noun, _, version = event_type.rpartition(".v")
    if not version.isdigit():
        return "Every record has this envelope: undo the change"
    return f"Leave {event_type} as it was and put the change into a new class for {noun}.v{int(version) + 1}"


def _narrowed(old: Schema, new: Schema, old_root: Schema, new_root: Schema, at: str) -> Iterator[tuple[str, str]]:
    """(field, what) for everything that `old` allows and `new` refuses or reads differently."""
    olds, news = _alternatives(old, old_root), _alternatives(new, new_root)
    for option in olds:
        candidates = [c for c in news if _same_kind(option, c)]
        if not candidates:
            yield at, f"changed type: {_name(option)} is no longer allowed"
            continue
        attempts = [list(_narrowed_option(option, c, old_root, new_root, at)) for c in candidates]
        yield from min(attempts, key=len)
    if old.get("default", _ABSENT) != new.get("default", _ABSENT) and "default" in old:
        now = f"{new['default']!r}" if "default" in new else "none"
        yield at, f"changed its default from {old['default']!r} to {now}, so records without it mean something else"


def _alternatives(schema: Schema, root: Schema) -> list[Schema]:
    if "$ref" in schema:
        return _alternatives(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "anyOf" in schema:
        return [found for option in schema["anyOf"] for found in _alternatives(option, root)]
    return [schema]


def _kind(schema: Schema) -> str | None:
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        kinds = {type(value).__name__ for value in values}
        return {"str": "string", "int": "integer", "bool": "boolean"}.get(kinds.pop()) if len(kinds) == 1 else None
    kind = schema.get("type")
    return kind if isinstance(kind, str) else None


def _same_kind(old: Schema, new: Schema) -> bool:
    kinds = _kind(old), _kind(new)
    return kinds[0] == kinds[1] or kinds[1] is None or kinds == ("integer", "number")


def _name(schema: Schema) -> str:
    return str(schema.get("title") or _kind(schema) or "any value")


def _narrowed_option(
    old: Schema, new: Schema, old_root: Schema, new_root: Schema, at: str
) -> Iterator[tuple[str, str]]:
    if "enum" in new:
        gone = sorted(set(old["enum"]) - set(new["enum"])) if "enum" in old else None
        if gone is None:
            yield at, f"narrowed to the values {', '.join(map(str, new['enum']))}"
        elif gone:
            yield at, f"no longer allows the value{'s' if len(gone) > 1 else ''} {', '.join(map(str, gone))}"
    for bound in _LOWER_BOUNDS:
        if bound in new and ("enum" not in old) and (bound not in old or new[bound] > old[bound]):
            yield at, f"narrowed its bounds: {bound} from {old.get(bound, 'none')} to {new[bound]}"
    for bound in _UPPER_BOUNDS:
        if bound in new and ("enum" not in old) and (bound not in old or new[bound] < old[bound]):
            yield at, f"narrowed its bounds: {bound} from {old.get(bound, 'none')} to {new[bound]}"
    for rule in _EXACT:
        if rule in new and new[rule] != old.get(rule):
            yield at, f"narrowed: {rule} from {old.get(rule, 'none')} to {new[rule]}"
    yield from _narrowed_members(old, new, old_root, new_root, at)


def _narrowed_members(
    old: Schema, new: Schema, old_root: Schema, new_root: Schema, at: str
) -> Iterator[tuple[str, str]]:
    had, has = old.get("properties", {}), new.get("properties", {})
    for field in had.keys() - has.keys():
        yield _join(at, field), "has been removed or renamed"
    for field in sorted(set(new.get("required", ())) - set(old.get("required", ()))):
        yield _join(at, field), "is required now, and records on the log may be without it"
    for field in had.keys() & has.keys():
        yield from _narrowed(had[field], has[field], old_root, new_root, _join(at, field))
    for part, mark in (("items", "[]"), ("additionalProperties", "{}")):
        before, after = old.get(part, True), new.get(part, True)
        if after is False and before is not False:
            yield at, f"no longer allows {part}"
        elif isinstance(after, Mapping):
            if isinstance(before, Mapping):
                yield from _narrowed(before, after, old_root, new_root, at + mark)
            elif before is True:
                yield at + mark, "narrowed: any value was allowed"


def _join(at: str, field: str) -> str:
    return f"{at}.{field}" if at else field
