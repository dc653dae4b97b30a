"""A supervisor's own report by the form of the desk: in their name, in their term of office, by nobody else."""

import re

import pytest

from services.contracts.codec import decode
from tests.unit.complaints.test_office_pages import TERM, office

__all__ = ["office"]
REPORT = {"text": "窗口三次叫我回去补材料", "unit": "tax", "offence": "delay", "key": "k-1"}


def in_office(office):
    """The city with monitor-1 in office, who sits at the desk."""
    office.sits("office").sends("/desk/supervisors", command="appoint", sure="yes", **TERM)
    return office.sits("monitor")


def test_a_supervisor_files_a_report_of_their_own_and_sees_its_code_once(office):
    in_office(office)
    assert "您的任期到 2099-12-31" in office.get("/desk/reports").text
    assert "反映问题" in office.get("/desk/reports/_new").text
    filed = office.sends("/desk/reports/_new", **REPORT)
    assert (filed.status_code, "已收到您的反映" in filed.text) == (200, True)
    assert filed.headers["cache-control"] == "private, no-store"
    again = office.sends("/desk/reports/_new", **REPORT)
    assert again.text == filed.text, "the form sent twice is one report"
    event = decode(office.cases.published[-1])
    assert (event.data.channel, event.data.agency, event.data.procedure) == (
        "supervisor",
        "tax",
        "complaint-supervisor",
    )
    assert event.data.intake == {"supervisor": "monitor-1", "body": "enterprise", "term_to": "2099-12-31"}
    listed = office.get("/desk/reports").text
    assert listed.count('class="box report"') == 1
    code = re.sub(r"<[^>]+>", "", re.search(r'id="receipt-code"[^>]*>(.*?)</p>', filed.text)[1])
    assert code not in listed


def test_a_report_in_somebody_elses_name_is_ones_own(office):
    in_office(office)
    assert office.sends(
        "/desk/reports/_new", supervisor="monitor-2", channel="hotline", name="张三", **REPORT
    ).is_success
    event = decode(office.cases.published[-1])
    assert (event.data.channel, event.data.intake["supervisor"]) == ("supervisor", "monitor-1")
    assert event.data.identity_ref is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"text": "", "offence": ""}, "请写明发生了什么事"), ({"unit": "nowhere"}, "没有这个单位"),
     ({"officer": "x-9"}, "没有这个代号"), ({"occurred_on": "2099-01-01"}, "不能晚于今天"),
     ({"place": "电话 13800001111"}, "这里不能有电话、证件号或邮箱<"), ({"text": "x" * 10_001}, "太长")],
)  # fmt: skip
def test_what_is_wrong_with_a_report_is_said_beside_its_field_and_nothing_typed_is_lost(office, changed, said):
    in_office(office)
    answer = office.sends("/desk/reports/_new", **(REPORT | changed))
    assert (answer.status_code, said in answer.text) == (422, True)
    assert f'id="{next(iter(changed))}-error"' in answer.text
    assert "窗口三次叫我回去补材料" in answer.text or "text" in changed
    assert office.cases.published == []


def test_who_is_not_in_office_has_no_form_and_files_nothing(office):
    page = office.sits("monitor").get("/desk/reports/_new").text
    assert "您现在不在任期内" in page
    assert "<textarea" not in page
    refused = office.sends("/desk/reports/_new", **REPORT)
    assert (refused.status_code, REPORT["text"] in refused.text) == (409, True)
    assert office.cases.published == []
    for role in ("clerk", "office", "leader"):
        assert office.sits(role).sends("/desk/reports/_new", **REPORT).status_code == 403
