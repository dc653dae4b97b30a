"""A complaint's life as a timeline: each event with who, when and what, in the reader's language. Free of HTTP and I/O.

Texts are handed in by reference: a reference without one says only that there is a text, not what it says.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from services.complaints.domain.complaint import LIFE
from services.complaints.domain.deciding import PERSON
from services.complaints.web.desk.cases.views import ref_of
from services.complaints.web.desk.registry import Registry
from services.contracts.instants import from_micros
from services.contracts.registry import event_type
from services.shared.access import TABLE
from services.shared.cases import Recorded
from services.shared.web.words import Words

_COMMANDS = {event_type(model): command for command, model in LIFE.models.items()}
_BY_ITSELF = "merged-answers"
_REFERENCES = frozenset({"text_ref", "opinion_ref"})
_CASES = frozenset({"into", "lead"})
# Told elsewhere on the page, or not to be told at all.
_LEFT_OUT = frozenset(
    {"handler", "identity_ref", "intake", "procedure", "source_ref", "channel", "their_ref", "answers"}
)


class Detail(NamedTuple):
    """`href` is the end of an address: of another case, or of a file."""

    label: str
    value: str
    case: str = ""
    evidence: str = ""


class Happening(NamedTuple):
    """One event. `who` is a role, `account` the opaque account. `withheld`: there are texts that the reader may not
    see; `by_person`: the person did it themselves, or nobody signed in."""

    sequence: int
    name: str
    command: str
    at: datetime
    who: str
    account: str
    details: list[Detail]
    texts: list[str]
    withheld: bool
    by_person: bool


class Timeline:
    """Builds happenings."""

    def __init__(self, words: Words, registry: Registry, texts: Mapping[str, str]) -> None:
        self._words, self._registry, self._texts = words, registry, texts

    def of(self, history: list[Recorded]) -> list[Happening]:
        """Every event, the last one first."""
        return [self.happening(recorded) for recorded in reversed(history)]

    def happening(self, recorded: Recorded) -> Happening:
        data = msgspec.json.decode(recorded.data)
        command = _COMMANDS[recorded.type]
        refs = references(data)
        texts = [self._texts[ref] for ref in refs if ref in self._texts]
        by_person = recorded.by in (PERSON, "anonymous")
        who = self._who(recorded.by, command, data)
        return Happening(
            sequence=recorded.sequence, name=self._words(f"happened.{command}"), command=command,
            at=from_micros(recorded.at), who=who, texts=texts, by_person=by_person,
            account="" if by_person or recorded.by == _BY_ITSELF else recorded.by,
            details=[detail for detail in self._details(data) if not who.startswith(detail.value)],
            withheld=len(texts) < len(refs),
        )  # fmt: skip

    def _who(self, by: str, command: str, data: Mapping[str, Any]) -> str:
        """The role in which somebody acted: it follows from who may give the command."""
        words = self._words
        if by in (PERSON, "anonymous"):
            return words("actor.person")
        if by == _BY_ITSELF:
            return words("actor.system")
        if command == LIFE.opening:
            return words("actor.intake")
        roles, agency = TABLE[f"complaints.{command}"].roles, data.get("agency")
        if "head" in roles:
            return words("actor.head", agency=self._registry.agency(agency, words.lang))
        named = "agency" in roles and agency
        return self._registry.agency(agency, words.lang) if named else words("actor.office")

    def _details(self, data: Mapping[str, Any]) -> list[Detail]:
        found: list[Detail] = []
        if data.get("identity_ref"):
            found.append(Detail(self._words("item.identity"), self._words("case.sealed")))
        for name, value in data.items():
            if name in _LEFT_OUT or name in _REFERENCES or value in (None, "", False, []):
                continue
            if name == "reason" and str(value).startswith("text-"):
                continue
            found += self._detail(name, value, data)
        return found

    def _detail(self, name: str, value: Any, data: Mapping[str, Any]) -> list[Detail]:
        words, registry = self._words, self._registry
        label = words(f"item.{name}") if words.has(f"item.{name}") else name
        if name == "evidence_refs":
            return [Detail(label, words("case.file", ref=ref[-6:]), evidence=ref) for ref in value]
        if name in _CASES:
            return [Detail(label, ref_of(value), case=value)]
        if name == "agency":
            return [Detail(label, registry.unit(value, data.get("section"), words.lang))]
        if name == "section":
            return [] if data.get("agency") else [Detail(label, value)]
        if name == "assisting":
            units = [registry.unit(a, s or None, words.lang) for a, _, s in (n.partition("/") for n in value)]
            return [Detail(label, words("list.separator").join(units))]
        if name == "limit":
            return [Detail(label, words.plural(f"limit.{value['unit']}", value["amount"]))]
        if name == "due_at":
            return [Detail(label, words.instant(datetime.fromisoformat(value)))]
        if name == "satisfaction":
            return [Detail(label, words(f"rating.{value}"))]
        if value is True:
            return [Detail(label, words("yes"))]
        key = f"offence.{value}" if name == "offence" else f"value.{name}.{value}"
        return [Detail(label, words(key) if words.has(key) else str(value))]


def references(data: Mapping[str, Any]) -> list[str]:
    """The texts that an event's data refers to."""
    named = [data[name] for name in sorted(_REFERENCES) if data.get(name)]
    reason = data.get("reason")
    return [*named, *([reason] if isinstance(reason, str) and reason.startswith("text-") else [])]
