"""Reading a parsed policy document field by field, collecting one line per problem. Free of what the fields mean."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

import msgspec

from services.contracts.limits import Limit, Unit

_UNITS: tuple[str, ...] = Unit.__args__  # type: ignore[attr-defined]


class Node:
    """A value of the document with its path. Every reader returns something usable and notes what was wrong."""

    def __init__(self, value: Any, path: str, file: str, problems: list[str]) -> None:
        self.value = value
        self.path = path
        self._file = file
        self._problems = problems

    def wrong(self, what: str) -> None:
        """Notes a problem here: what is wrong and what would be right, in one line."""
        self._problems.append(f"{self._file}: {self.path or 'document'}: {what}")

    def at(self, key: str | int) -> "Node":
        path = f"{self.path}.{key}".lstrip(".") if isinstance(self.value, Mapping) else f"{self.path}[{key}]"
        return Node(self.value[key], path, self._file, self._problems)

    def named(self, name: str) -> "Node":
        """The field's name as a value of its own, to be checked like one."""
        return Node(name, self.path, self._file, self._problems)

    def mapping(self, known: Iterable[str] | None = None, required: Iterable[str] = ()) -> dict[str, "Node"]:
        """The entries that are present. Notes unknown and missing fields, and anything that is not a mapping."""
        if not isinstance(self.value, Mapping):
            self.wrong(f"{_shown(self.value)} where fields were expected")
            return {}
        fields = {str(key): key for key in self.value}
        if known is not None:
            names = list(known)
            for name in [name for name in fields if name not in names]:
                self.at(fields[name]).wrong(f"unknown field; {_nearest(name, names)}")
            fields = {name: key for name, key in fields.items() if name in names}
        for name in required:
            if name not in fields:
                self.wrong(f"{name!r} is missing")
        return {name: self.at(key) for name, key in fields.items()}

    def items(self) -> list["Node"]:
        if self.value is None:
            return []
        if not isinstance(self.value, list):
            self.wrong(f"{_shown(self.value)} where a list was expected")
            return []
        return [self.at(index) for index in range(len(self.value))]

    def text(self) -> str:
        if not isinstance(self.value, str) or not self.value:
            self.wrong(f"{_shown(self.value)} where a text was expected")
            return ""
        return self.value

    def one_of(self, choices: Iterable[str]) -> str:
        names = list(choices)
        if self.value not in names:
            self.wrong(f"{_shown(self.value)} is none of them; {_nearest(str(self.value), names)}")
            return names[0]
        return str(self.value)

    def whole(self, least: int, most: int) -> int:
        if not isinstance(self.value, int) or isinstance(self.value, bool) or not least <= self.value <= most:
            self.wrong(f"{_shown(self.value)} where a whole number from {least} to {most} was expected")
            return least
        return self.value

    def flag(self) -> bool:
        if not isinstance(self.value, bool):
            self.wrong(f"{_shown(self.value)} where true or false was expected")
        return self.value is True

    def limit(self) -> Limit | None:
        """A limit such as {amount: 10, unit: working_days}; None for null."""
        if self.value is None:
            return None
        fields = self.mapping(("amount", "unit"), required=("amount", "unit"))
        if len(fields) < 2:
            return None
        return Limit(amount=fields["amount"].whole(0, 3660), unit=fields["unit"].one_of(_UNITS))  # type: ignore[arg-type]

    def label(self) -> dict[str, str]:
        """What it is called, in both languages."""
        fields = self.mapping(("zh", "en"), required=("zh", "en"))
        return {"zh": "", "en": ""} | {name: node.text() for name, node in fields.items()}

    def event_type(self, models: Mapping[str, type[msgspec.Struct]]) -> str | None:
        """A known event type; None when there is none of that name."""
        name = self.text()
        if name and name not in models:
            self.wrong(f"there is no event type {name!r}; {_nearest(name, list(models))}")
        return name if name in models else None

    def field_of(self, model: type[msgspec.Struct]) -> str | None:
        """The name of a field of `model`; None when it has no such field."""
        name = self.text()
        fields = list(model.__struct_fields__)
        if name and name not in fields:
            self.wrong(f"{model.__name__} has no field {name!r}; {_nearest(name, fields)}")
        return name if name in fields else None


def _nearest(name: str, names: list[str]) -> str:
    close = get_close_matches(name, names, 1, 0.6)
    return f"did you mean {close[0]!r}?" if close else f"there are {', '.join(map(repr, names))}"


def _shown(value: Any) -> str:
    text = repr(value)
    return "nothing" if value is None else text if len(text) <= 60 else f"{text[:57]}..."
