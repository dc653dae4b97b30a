"""The generated city and its oracle: the same for the same seed, lawful, and equal to what supervision says."""

from collections import Counter
from datetime import UTC, datetime, time, timedelta
from functools import cache
from pathlib import Path

import msgspec
import pytest

from services.complaints.domain.channels import read_intake
from services.complaints.domain.complaint import LIFE, Complaint
from services.complaints.domain.deciding import decide
from services.contracts.approvals import ApprovalAcceptedV1, ApprovalAppliedV1, ApprovalDecidedV1
from services.contracts.complaints import ComplaintFiledV1
from services.contracts.lifecycle import Command as LifeCommand
from services.contracts.limits import Limit
from simulation import working_days
from simulation.city import registry
from simulation.city.generate import Town, generate
from simulation.comparison import as_expected, difference
from simulation.oracle import Expected, expected
from simulation.replay import records
from simulation.stream import Command, case_commands
from tests.support.folding import POLICIES, Supervision


@cache
def _town(seed: int) -> Town:
    return generate(POLICIES, seed=seed, days=45)


def test_the_same_seed_gives_the_same_city_and_another_seed_another() -> None:
    assert generate(POLICIES, seed=3, days=20).commands == generate(POLICIES, seed=3, days=20).commands
    assert generate(POLICIES, seed=3, days=20).commands != generate(POLICIES, seed=4, days=20).commands


def test_more_days_only_add_to_the_city() -> None:
    short, long = (generate(POLICIES, seed=3, days=days) for days in (15, 30))
    assert [c for c in long.commands if c.occurred_at < short.end and c.source_ref[-12:-4] <= "20260316"] == [
        c for c in short.commands if c.source_ref[-12:-4] <= "20260316"
    ]


def test_segments_hold_every_command_once_and_none_before_its_tick() -> None:
    town = _town(1)
    segments = list(town.segments())
    assert [c for s in segments for c in s.commands] == town.commands
    assert all(c.occurred_at >= s.as_of for s in segments for c in s.commands)
    ticks = [s.as_of for s in segments]
    assert ticks == sorted(set(ticks))
    assert ticks[-1] == town.end


def test_people_work_in_office_hours_of_working_days() -> None:
    town = _town(1)
    for command in town.commands:
        local = command.occurred_at.astimezone(town.days.zone)
        if command.kind != "complaint" and command.ordinal == 1:
            assert town.days.is_working(local.date())
            assert time(8, 30) <= local.time() <= time(17, 1)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_supervision_says_what_the_oracle_says(seed: int) -> None:
    town = _town(seed)
    supervision = Supervision()
    supervision.take(records(town.timeline, town.segments()))
    found = [as_expected(msgspec.structs.asdict(alert)) for alert in supervision.alerts.values()]
    wanted = expected(town.commands, POLICIES, town.end)
    assert difference(found, wanted) == ([], [])
    assert len(wanted) > 150


def test_a_quarter_of_a_year_reaches_the_end_of_every_life() -> None:
    town = generate(POLICIES, seed=5, days=90)
    supervision = Supervision()
    supervision.take(records(town.timeline, town.segments()))
    found = [as_expected(msgspec.structs.asdict(alert)) for alert in supervision.alerts.values()]
    wanted = expected(town.commands, POLICIES, town.end)
    assert difference(found, wanted) == ([], [])
    assert {"appeal", "redo", "correction", "sign_off"} <= {alert.clock.partition("#")[0] for alert in wanted}


def test_every_planted_behaviour_shows() -> None:
    wanted = [a for seed in (1, 2, 3, 4) for a in expected(_town(seed).commands, POLICIES, _town(seed).end)]
    clocks = Counter(alert.clock.partition(":")[0] for alert in wanted)
    for clock in ("acceptance", "dispatch", "sign_in", "response", "conclusion", "reply", "promised", "statutory",
                  "stage", "delivery", "write_up", "report", "report#2", "verification", "refusal_appeal", "redispatch",
                  "total", "sign_off", "answer_back", "call_back", "redo", "correction", "opinion",
                  "movement"):  # fmt: skip
        assert clocks[clock], clock
    rules = {alert.rule for alert in wanted}
    assert {"overdue", "unanswered", "warning", "stalled"} <= rules
    assert {"repeat-delay", "repeat-arbitrary", "repeat-attitude", "repeat-return", "repeat-unevidenced"} <= rules
    assert {"ping-pong", "leader-liability"} <= rules


def test_a_missing_and_a_doubled_alert_are_differences() -> None:
    one, two = sorted(expected(_town(1).commands, POLICIES, _town(1).end))[:2]
    assert difference([one, one], [one, two]) == ([two], [one])


DAYS = working_days.load(POLICIES)


def _at(day: int, month: int = 3) -> datetime:
    return DAYS.instant(datetime(2026, month, day, tzinfo=UTC).date(), time(10))


def _permit(decided_at: datetime | None) -> list[Command]:
    limit = Limit(amount=5)
    steps = [
        (_at(2), ApprovalAppliedV1(item="x", agency="market", source_ref="p-1")),
        (_at(2), ApprovalAcceptedV1(agency="market", promised_limit=limit, statutory_limit=Limit(amount=20))),
        *([(decided_at, ApprovalDecidedV1(agency="market", outcome="granted"))] if decided_at else []),
    ]
    return case_commands("approval", "p-1", steps)


def _promised(alerts: set[Expected]) -> list[tuple[str, str, str]]:
    return sorted((a.rule, a.state, a.severity) for a in alerts if a.clock == "promised")


def test_a_permit_decided_on_the_last_day_is_in_time_though_warned_of() -> None:
    assert _promised(expected(_permit(_at(9)), POLICIES, _at(1, 4))) == [("warning", "settled", "warning")]
    assert _promised(expected(_permit(_at(6)), POLICIES, _at(1, 4))) == []


def test_a_permit_decided_a_day_late_is_settled_and_stays_on_record() -> None:
    alerts = expected(_permit(_at(10)), POLICIES, _at(1, 4))
    assert _promised(alerts) == [("overdue", "settled", "yellow"), ("warning", "settled", "warning")]
    (overdue,) = [a for a in alerts if a.rule == "overdue" and a.clock == "promised"]
    assert overdue.at == DAYS.end_of(_at(9).date())


def test_a_permit_never_decided_becomes_a_red_card() -> None:
    assert ("overdue", "open", "red") in _promised(expected(_permit(None), POLICIES, _at(1, 4)))
    assert ("overdue", "open", "yellow") in _promised(expected(_permit(None), POLICIES, _at(12)))


def test_make_up_workdays_count_and_holidays_do_not() -> None:
    friday = datetime(2026, 2, 27, tzinfo=UTC).date()
    assert DAYS.after(friday, 1) == friday + timedelta(days=1)  # Saturday 28 February is worked
    assert DAYS.after(datetime(2026, 4, 3, tzinfo=UTC).date(), 1) == datetime(2026, 4, 7, tzinfo=UTC).date()


def test_the_city_is_whole() -> None:
    city = registry.load(POLICIES)
    groups = {group.code for group in city.groups}
    agencies = {agency.code: {section.code for section in agency.sections} for agency in city.agencies}
    assert len(groups) == 7
    assert {agency.group for agency in city.agencies} == groups == {s.group for s in city.supervisors}
    assert all(item.section in agencies[item.agency] for item in city.items)
    assert {window.agency for window in city.windows} <= agencies.keys()
    officers = [officer for a in city.agencies for s in a.sections for officer in s.officers]
    assert len(officers) == len(set(officers))


def test_a_policy_that_is_no_city_is_refused_with_the_place(tmp_path: Path) -> None:
    (tmp_path / "city.yaml").write_text("version: '1'\ngroups: []\n")
    with pytest.raises(msgspec.ValidationError, match="agencies"):
        registry.load(tmp_path)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_every_complaint_is_a_walk_through_the_table_of_states(seed: int) -> None:
    cases: dict[str, Complaint] = {}
    seen = set()
    for command in (c for c in _town(seed).commands if c.kind == "complaint"):
        case = cases.get(command.source_ref) or Complaint(case_id=command.source_ref, timeline="city")
        data = msgspec.json.decode(command.data, type=LIFE.models[command.command])
        cases[command.source_ref], _ = decide(case, LifeCommand(name=command.command, data=data), command.occurred_at)
        seen.add(command.command)
        if isinstance(data, ComplaintFiledV1):
            assert read_intake(data.channel, data.intake, str) == data.intake
    assert {case.status for case in cases.values()} > {"closed", "called_back", "merged", "signed"}
    assert seen == LIFE.models.keys() - {"ask", "supplement", "identify"}  # no city needs words and names
