"""What things of the city are called, and which group answers for an agency (domain row J1). Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

UNASSIGNED = "unassigned"
Label = Mapping[str, str]  # {"zh": …, "en": …}


class Named(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    zh: str
    en: str


class Agency(Named, frozen=True, kw_only=True):
    group: str = UNASSIGNED
    sections: list[Named] = []


class Item(Named, frozen=True, kw_only=True):
    stages: list[Named] = []


class City(msgspec.Struct, frozen=True, kw_only=True):
    groups: list[Named] = []
    agencies: list[Agency] = []
    items: list[Item] = []


class Labelled(msgspec.Struct, frozen=True, kw_only=True):
    label: dict[str, str] = {}


class LabelledRule(Labelled, frozen=True, kw_only=True):
    name: str


class Procedure(msgspec.Struct, frozen=True, kw_only=True):
    clocks: dict[str, Labelled] = {}


class CasePolicy(msgspec.Struct, frozen=True, kw_only=True):
    procedures: dict[str, Procedure] = {}


class SubjectPolicy(msgspec.Struct, frozen=True, kw_only=True):
    rules: list[LabelledRule] = []


class Directory:
    """Names of agencies, groups, sections, stages, clocks and rules. An unlisted code is shown as it is."""

    def __init__(self, city: City, cases: CasePolicy, subjects: SubjectPolicy) -> None:
        self.agencies = {agency.code: agency for agency in city.agencies}
        self.groups = {group.code: group for group in city.groups}
        self._sections = {(a.code, s.code): s for a in city.agencies for s in a.sections}
        self._stages = _unambiguous(stage for item in city.items for stage in item.stages)
        self._clocks = {name: c.label for p in cases.procedures.values() for name, c in p.clocks.items()}
        self._rules = {rule.name: rule.label for rule in subjects.rules}

    @classmethod
    def of(
        cls,
        city: Mapping[str, Any] | None,
        cases: Mapping[str, Any] | None = None,
        subjects: Mapping[str, Any] | None = None,
    ) -> "Directory":
        """The directory of parsed policies, empty for None. Raises ValueError with the place of a mistake."""
        try:
            return cls(
                msgspec.convert(city or {}, City),
                msgspec.convert(cases or {}, CasePolicy),
                msgspec.convert(subjects or {}, SubjectPolicy),
            )
        except msgspec.ValidationError as error:
            raise ValueError(f"city policy: {error}") from None

    def group_of(self, agency: str | None) -> str:
        """The code of the supervision group of `agency`, "unassigned" when the policy does not list it."""
        known = self.agencies.get(agency or "")
        return known.group if known else UNASSIGNED

    def agency(self, code: str | None, lang: str) -> str:
        return _name(self.agencies.get(code or ""), code, lang)

    def group(self, code: str | None, lang: str) -> str:
        return _name(self.groups.get(code or ""), code, lang)

    def section(self, agency: str | None, code: str | None, lang: str) -> str:
        return _name(self._sections.get((agency or "", code or "")), code, lang)

    def clock(self, code: str | None, lang: str) -> str:
        """The name of a clock; that of one stage ("stage:survey") and of a later round ("sign_in#2") says so."""
        whole, _, round_ = (code or "").partition("#")
        clock, _, stage = whole.partition(":")
        more = [_name(self._stages.get(stage), stage, lang)] if stage else []
        if round_:
            more.append(f"第{round_}次" if lang == "zh" else f"round {round_}")
        name = self._clocks.get(clock, {}).get(lang, clock)
        if not more:
            return name
        return f"{name}（{'，'.join(more)}）" if lang == "zh" else f"{name} ({', '.join(more)})"

    def rule(self, code: str, lang: str) -> str | None:
        """The name that policy gives a rule over subjects, None for the rules of clocks."""
        return self._rules.get(code, {}).get(lang)


def _unambiguous(named: Iterable[Named]) -> dict[str, Named]:
    """By code, without those that two items call by different names: an alert does not say which item it is of."""
    found: dict[str, Named] = {}
    twice: set[str] = set()
    for one in named:
        if found.setdefault(one.code, one) != one:
            twice.add(one.code)
    return {code: one for code, one in found.items() if code not in twice}


def _name(named: Named | None, code: str | None, lang: str) -> str:
    if named is None:
        return code or ""
    return named.zh if lang == "zh" else named.en
