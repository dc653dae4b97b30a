"""Policy files: what is compiled, and what is said about one that is wrong."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.supervision.domain.policy import PolicyError
from services.supervision.domain.policy_reading import compile_policies
from services.supervision.policy_files import load_policies
from tests.unit.supervision.builders import POLICY_FOLDER, policies

CLOCK: dict[str, Any] = {
    "label": {"zh": "办结", "en": "conclusion"}, "rule": "overdue", "owner": "agency", "severity": "yellow",
    "start": ["complaint.dispatched.v1"], "stop": ["complaint.concluded.v1"],
    "limit": {"amount": 10, "unit": "working_days"},
}  # fmt: skip
CASES: dict[str, Any] = {"version": "1", "procedures": {"p": {"kind": "complaint", "clocks": {"conclusion": CLOCK}}}}
SUBJECTS: dict[str, Any] = {"version": "1", "rules": []}
CALENDAR: dict[str, Any] = {"version": "c", "timezone": "Asia/Shanghai", "years": {}}


def problems(cases: Any = CASES, subjects: Any = SUBJECTS, calendar: Any = CALENDAR) -> list[str]:
    try:
        compile_policies(cases, subjects, calendar)
    except PolicyError as error:
        return error.problems
    return []


def with_clock(**fields: Any) -> dict[str, Any]:
    cases = copy.deepcopy(CASES)
    cases["procedures"]["p"]["clocks"]["conclusion"].update(fields)
    return cases


def test_the_citys_policies_are_valid() -> None:
    loaded = policies()
    assert set(loaded.cases.procedures) == {
        "complaint-standard", "complaint-sla", "permit-standard", "permit-deadline", "inspection-standard",
        "directive-standard", "complaint-supervisor",
    }  # fmt: skip
    assert loaded.cases.version.startswith("2026.2+")
    assert loaded.subjects.rules[0].name == "repeat-delay"
    assert set(loaded.cases.facts) == {
        "complaint.concluded.v1", "inspection.found.v1", "complaint.returned.v1", "complaint.dispatched.v1",
        "complaint.transferred.v1",
    }  # fmt: skip


def test_the_version_changes_with_the_content_alone() -> None:
    one = compile_policies(CASES, SUBJECTS, CALENDAR).cases.version
    assert compile_policies(copy.deepcopy(CASES), SUBJECTS, CALENDAR).cases.version == one
    assert compile_policies(with_clock(severity="red"), SUBJECTS, CALENDAR).cases.version != one


PATH = "cases.yaml: procedures.p.clocks.conclusion"


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        (
            {"stop": ["complaint.conclude.v1"]},
            f"{PATH}.stop[0]: there is no event type 'complaint.conclude.v1'; did you mean 'complaint.concluded.v1'?",
        ),
        ({"stop": ["approval.decided.v1"]}, f"{PATH}.stop[0]: approval.decided.v1 is no event of kind complaint; "
                                            "it can only be one of complaint.*"),
        ({"limit": {"amount": 3, "unit": "days"}}, f"{PATH}.limit.unit: 'days' is none of them; "
                                                   "there are 'working_days', 'calendar_days', 'hours'"),
        ({"limit": {"amount": -1, "unit": "hours"}},
         f"{PATH}.limit.amount: -1 where a whole number from 0 to 3660 was expected"),
        ({"warn_at_percentage": 90}, f"{PATH}.warn_at_percentage: unknown field; did you mean 'warn_at_percent'?"),
        ({"warn_at_percent": 120}, f"{PATH}.warn_at_percent: 120 where a whole number from 1 to 99 was expected"),
        ({"start": []}, f"{PATH}.start: a clock that stops must start: name an event type"),
        ({"stop": []}, f"{PATH}.stop: a clock that starts must stop: name an event type"),
        ({"pause": ["complaint.returned.v1"]},
         f"{PATH}.pause: pause without resume: name the event types of resume too"),
        ({"restart_when": {"agency": "a"}},
         f"{PATH}.restart_when: restart_when without restart_on: name the event types of restart_on too"),
        ({"limit": None}, f"{PATH}: no limit; give limit, limit_from or due_from"),
        ({"due_from": "due"}, f"{PATH}.due_from: ComplaintDispatchedV1 has no field 'due'; did you mean 'due_at'?"),
        ({"per": "stage"}, f"{PATH}.per: ComplaintDispatchedV1 has no field 'stage'; there are 'agency', 'section', "
                           "'officer', 'assisting', 'due_at'"),
        ({"extend": ["complaint.responded.v1"]},
         f"{PATH}.extend: complaint.responded.v1 carries no limit to extend by"),
        ({"severity": "rot"},
         f"{PATH}.severity: 'rot' is none of them; there are 'notice', 'warning', 'yellow', 'red'"),
        ({"owner": "offices"}, f"{PATH}.owner: 'offices' is none of them; did you mean 'office'?"),
        ({"rule": "warning"}, f"{PATH}.rule: 'warning' is none of them; there are 'overdue', 'unanswered', 'stalled'"),
        ({"renew_on": ["complaint.signed.v1"], "pause": ["complaint.paused.v1"], "resume": ["complaint.resumed.v1"]},
         f"{PATH}.renew_on: a clock that is renewed is not paused or extended: stop it, and restart it"),
        ({"renew_on": ["complaint.signed.v1"], "due_from": "due_at"},
         f"{PATH}.renew_on: a clock that is renewed has a limit of its own: give limit, no limit_from or due_from"),
        ({"restart_on": ["complaint.signed_off.v1", "complaint.reviewed.v1"], "restart_when": {"redone": True}},
         f"{PATH}.restart_when.redone: ComplaintSignedOffV1 has no field 'redone'; did you mean 'reason'?"),
        ({"label": {"zh": "办结"}}, f"{PATH}.label: 'en' is missing"),
        ({"start": "complaint.filed.v1"}, f"{PATH}.start: 'complaint.filed.v1' where a list was expected"),
    ],
)  # fmt: skip
def test_one_line_says_where_what_and_what_would_be_right(fields: dict[str, Any], line: str) -> None:
    assert problems(with_clock(**fields)) == [line]


def test_each_event_is_asked_for_the_fields_that_it_has() -> None:
    events, when = ["complaint.signed_off.v1", "complaint.reviewed.v1"], {"approved": False, "redo": True}
    assert problems(with_clock(restart_on=events, restart_when=when)) == []


def test_a_clock_may_start_only_when_an_event_says_so() -> None:
    event, when = ["complaint.called_back.v1"], {"redo": True}
    assert problems(with_clock(start=[], restart_on=event, restart_when=when)) == []


def test_all_problems_are_shown_together() -> None:
    subjects = {"version": "1", "rules": [{
        "name": "repeat", "label": {"zh": "屡次", "en": "repeated"}, "offences": ["overdue"], "window_days": 0,
        "thresholds": {"person": 2}, "severity": "red",
    }]}  # fmt: skip
    calendar = CALENDAR | {"timezone": "Asia/Shangai", "years": {2026: {
        "holidays": ["2026-02-31", "2025-12-31", "2026-10-07..2026-10-01"], "makeup_workdays": ["2026-03-02"],
    }}}  # fmt: skip
    assert problems(with_clock(severity="rot"), subjects, calendar) == [
        f"{PATH}.severity: 'rot' is none of them; there are 'notice', 'warning', 'yellow', 'red'",
        "subjects.yaml: rules[0].window_days: 0 where a whole number from 1 to 3660 was expected",
        "subjects.yaml: rules[0].thresholds.person: unknown field; there are 'agency', 'section', 'officer', 'pair'",
        "cn.yaml: timezone: there is no time zone 'Asia/Shangai'; an IANA name such as Asia/Shanghai is expected",
        "cn.yaml: years.2026.holidays[0]: '2026-02-31' is no day; 2026-01-01 or 2026-02-15..2026-02-23 was expected",
        "cn.yaml: years.2026.holidays[1]: 2025-12-31 does not lie in 2026, first day first",
        "cn.yaml: years.2026.holidays[2]: 2026-10-07..2026-10-01 does not lie in 2026, first day first",
        "cn.yaml: years.2026.makeup_workdays: 2026-03-02 is no weekend day; a make-up workday lies on a weekend",
    ]


@pytest.mark.parametrize(
    ("fact", "line"),
    [
        ({"on": "complaint.concluded.v1"}, "cases.yaml: facts[0]: give either offence or offence_from"),
        ({"on": "complaint.concluded.v1", "offence_from": "offense"}, "cases.yaml: facts[0].offence_from: "
         "ComplaintConcludedV1 has no field 'offense'; did you mean 'offence'?"),
        ({"on": "complaint.concluded.v1", "offence": "x", "when": {"findings": "verified"}}, "cases.yaml: "
         "facts[0].when.findings: ComplaintConcludedV1 has no field 'findings'; did you mean 'finding'?"),
    ],
)  # fmt: skip
def test_a_fact_rule_that_is_wrong(fact: dict[str, Any], line: str) -> None:
    assert problems(CASES | {"facts": [fact]}) == [line]


@pytest.mark.parametrize("document", [None, [], "text", 7, {"version": 1}, {"procedures": {"p": None}}])
def test_documents_of_the_wrong_shape_are_problems_and_no_crash(document: Any) -> None:
    assert problems(document)
    assert problems(CASES, document)
    assert problems(CASES, SUBJECTS, document)


def folder(tmp_path: Path, change: Callable[[Path], object]) -> list[str]:
    (tmp_path / "calendar").mkdir()
    for name in ("cases.yaml", "subjects.yaml", "calendar/cn.yaml"):
        (tmp_path / name).write_bytes((POLICY_FOLDER / name).read_bytes())
    change(tmp_path)
    with pytest.raises(PolicyError) as caught:
        load_policies(tmp_path)
    return caught.value.problems


def test_a_missing_file_and_broken_yaml_are_named(tmp_path: Path) -> None:
    def change(root: Path) -> None:
        (root / "subjects.yaml").unlink()
        (root / "cases.yaml").write_text("version: [1\nprocedures: {}\n", encoding="utf-8")

    broken, missing = folder(tmp_path, change)
    assert missing.removeprefix(f"{tmp_path}/subjects.yaml: ") == (
        "cannot be read: No such file or directory; a readable file was expected"
    )
    assert broken.startswith(f"{tmp_path}/cases.yaml: line 2, column 11: ")


def test_a_file_of_the_folder_is_named_in_its_problems(tmp_path: Path) -> None:
    def change(root: Path) -> None:
        text = (root / "cases.yaml").read_text(encoding="utf-8")
        (root / "cases.yaml").write_text(text.replace("kind: inspection", "kind: inspections"), encoding="utf-8")

    line = "procedures.inspection-standard.kind: 'inspections' is none of them; did you mean 'inspection'?"
    assert folder(tmp_path, change)[0] == f"{tmp_path}/cases.yaml: {line}"
