"""Timelines other than live at the desk: a generated city's complaints, at the instant where its clock stands."""

import re
from datetime import timedelta

import pytest

from services.complaints.current_due import CurrentDue
from services.complaints.due import Due
from services.complaints.recomputing import Recomputer
from services.complaints.work import WorkQuery
from tests.support.folding import POLICIES
from tests.support.sources import T0
from tests.unit.complaints.test_work_pages import Desk, desk, listed, offers

__all__ = ["desk"]
CITY = "city-7"
STEPS = (
    ("file", {"channel": "hotline", "agency": "tax", "offence": "delay", "source_ref": "c-1"}),
    ("accept", {}),
    ("dispatch", {"agency": "tax"}),
)


def played(desk: Desk, timeline: str = CITY) -> str:
    """A complaint that was dispatched to the tax bureau in the first three hours, command by command."""
    case = ""
    for hour, (command, body) in enumerate(STEPS):
        at = (T0 + timedelta(hours=hour)).isoformat()
        path = f"/v1/cases/{case}/{command}" if case else "/v1/cases"
        desk.api.client.cookies.clear()
        answer = desk.api.post(path, body, "importer", Duban_Timeline=timeline, Duban_Occurred_At=at)
        assert answer.is_success, answer.text
        case = answer.json()["case_id"]
    return case


def ticked(desk: Desk, days: int, timeline: str = CITY) -> None:
    body = {"timeline": timeline, "as_of": (T0 + timedelta(days=days)).isoformat()}
    desk.api.client.cookies.clear()
    assert desk.api.post("/v1/ticks", body, "importer").status_code == 202


def due(desk: Desk, timeline: str) -> Due:
    (one,) = desk.store.work(WorkQuery(timeline=timeline))
    return one.due


def test_a_generated_city_is_listed_on_its_own_timeline_and_the_live_list_leads_there(desk):
    case, live = played(desk), desk.file(agency="market")
    ticked(desk, 1)
    desk.sits("office")
    assert listed(desk.get("/desk/work")) == [live]
    assert listed(desk.get(f"/desk/work?timeline={CITY}")) == [case]
    assert desk.get(f"/desk/work.csv?timeline={CITY}").text.splitlines()[1].startswith(case)
    assert f'<option value="{CITY}">' in desk.get("/desk/work").text
    empty = desk.sits("agency", "tax").get("/desk/work").text
    assert f'href="/desk/work?timeline={CITY}"' in empty
    assert listed(desk.get(f"/desk/work?timeline={CITY}")) == [case]
    assert listed(desk.sits("agency", "market").get(f"/desk/work?timeline={CITY}")) == []


def test_time_left_is_counted_from_the_last_tick(desk):
    case = played(desk)
    ticked(desk, 1)
    at_first = desk.sits("office").get(f"/desk/work?timeline={CITY}").text
    assert "left-late" not in at_first
    assert "2026年3月3日 09:00:00 UTC+08:00" in at_first
    ticked(desk, 7)
    ticked(desk, 4)
    later = desk.sits("office").get(f"/desk/work?timeline={CITY}&overdue=1").text
    assert case in later
    assert "已超 4 个工作日" in later
    assert "2026年3月9日 09:00:00 UTC+08:00" in later
    assert "已超 4 个工作日" in desk.get(f"/desk/cases/{case}").text


def test_before_its_first_tick_a_timeline_stands_where_the_clock_does(desk):
    played(desk)
    assert "left-late" in desk.sits("office").get(f"/desk/work?timeline={CITY}").text


def test_every_link_of_the_list_stays_on_its_timeline(desk):
    played(desk)
    page = desk.sits("office").get(f"/desk/work?timeline={CITY}").text
    tabs = re.findall(r'<a href="([^"]+)" data-key="[1-4]"', page)
    assert len(tabs) == 4
    assert all(f"timeline={CITY}" in link for link in tabs)
    assert f'href="/desk/work.csv?timeline={CITY}"' in page
    assert f'href="/?timeline={CITY}" data-go="b"' in page
    assert f'href="/desk/work?timeline={CITY}" data-go="w"' in page
    assert 'href="/desk/intake" data-go="i"' in page
    assert 'href="/desk/work">回到实时' in page


def test_the_desks_own_address_goes_on_with_the_timeline_it_was_given(desk):
    desk.sits("office")
    assert desk.get(f"/desk?timeline={CITY}").headers["location"] == f"/desk/work?timeline={CITY}"
    assert desk.get("/desk").headers["location"] == "/desk/intake"
    assert desk.sits("cashier").get(f"/desk?timeline={CITY}").headers["location"] == "/desk/cashier"


def test_a_case_of_a_replay_is_looked_at_and_not_handled(desk):
    case = played(desk)
    ticked(desk, 7)
    page = desk.sits("agency", "tax").get(f"/desk/cases/{case}").text
    assert offers(desk, case) == set()
    assert "不是实时案件" in page
    assert "add-file" not in page
    assert f'href="/desk/work?timeline={CITY}" data-key="u"' in page
    before = len(desk.store.published)
    assert desk.sends(f"/desk/cases/{case}/sign-in", version="3", key="k").status_code == 409
    sent = desk.api.client.post(
        f"/desk/cases/{case}/evidence", files={"file": ("a.txt", b"a receipt", "text/plain")},
        headers={"Sec-Fetch-Site": "same-origin"},
    )  # fmt: skip
    assert sent.status_code == 409
    assert len(desk.store.published) == before


def test_an_imported_batch_has_the_due_times_of_the_same_commands_one_by_one(desk):
    played(desk)
    lines = [
        {"source_ref": "c-1", "ordinal": number + 1, "command": command, "data": body,
         "occurred_at": (T0 + timedelta(hours=number)).isoformat()}
        for number, (command, body) in enumerate(STEPS)
    ]  # fmt: skip
    desk.api.client.cookies.clear()
    for batch in (lines[:1], lines[1:]):
        answer = desk.api.post("/v1/imports", {"timeline": "wabo-1", "commands": batch}, "importer")
        assert (answer.status_code, answer.json()["applied"]) == (200, len(batch)), answer.text
    assert due(desk, "wabo-1") == due(desk, CITY)
    assert due(desk, CITY).due_clock == "sign_in"


def test_what_was_played_before_there_were_due_times_gets_them(desk):
    case = played(desk)
    kept = dict(desk.store.extras[case])
    for name in Due.__struct_fields__:
        del desk.store.extras[case][name]
    current = CurrentDue(POLICIES, desk.store.kept_decrees, lambda: 0.0)
    assert Recomputer(desk.store, current).turn(current()) == 1
    assert desk.store.extras[case] == kept


@pytest.mark.parametrize("timeline", ["", "  ", "live"])
def test_an_empty_choice_is_the_live_one(desk, timeline):
    case = desk.file()
    played(desk)
    assert listed(desk.sits("office").get(f"/desk/work?timeline={timeline}")) == [case]
