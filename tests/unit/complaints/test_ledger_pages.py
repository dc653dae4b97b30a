"""The ledger of rewards as a page: every entry, by case, page by page, as CSV, and never a name or a voucher."""

import csv
import re
from io import StringIO

import pytest

from services.complaints.web.desk.offices import ledger
from tests.unit.complaints.test_office_pages import Office, office
from tests.unit.complaints.test_offices_api import WORTH

__all__ = ["office"]
LEDGER = "/desk/rewards/_ledger"


def paid_and_taken_back(office):
    """A reward that was granted, paid out, and whose payment was reversed."""
    case, path = office.proposed()
    office.sits("office").acts(path, "endorse")
    office.sits("leader").acts(path, "approve")
    voucher = office.voucher(case)
    office.sits("cashier").sends("/desk/cashier", voucher=voucher, amount_fen=str(WORTH))
    office.sits("leader").acts(path, "reverse")
    return case, voucher


def kinds(page):
    return re.findall(r"<td>(批准|兑付|冲回)", page.text)


def test_the_whole_ledger_is_shown_with_its_balances_and_without_a_name_or_a_voucher(office):
    case, voucher = paid_and_taken_back(office)
    second, path = office.proposed()
    office.sits("office").acts(path, "endorse")
    office.sits("leader").acts(path, "approve")
    page = office.get(LEDGER)
    assert kinds(page) == ["批准", "冲回", "兑付", "批准"]
    totals = re.findall(r'<dd class="money">([^<]+)</dd>', page.text)
    assert totals == ["+4,000", "−4,000", "0", "0"], "owed twice again, nothing paid, 0 together"
    assert f'title="{case["case_id"]}"' in page.text
    assert f'title="{second["case_id"]}"' in page.text
    for secret in (voucher, voucher.replace("-", ""), case["receipt_code"]):
        assert secret not in page.text
    taken_back = re.search(r'href="[^"]+#([\w-]+)">冲回的那一笔', page.text)[1]
    assert f'<tr id="{taken_back}">' in page.text


@pytest.mark.parametrize("typed", ["{whole}", "{end}", " {end} "])
def test_the_entries_of_one_complaint_are_found_by_its_id_and_by_its_end(office, typed):
    case, _ = paid_and_taken_back(office)
    _, path = office.proposed()
    office.sits("office").acts(path, "endorse")
    office.sits("leader").acts(path, "approve")
    wanted = typed.format(whole=case["case_id"], end=case["case_id"][-8:].upper())
    page = office.api.client.get(LEDGER, params={"case": wanted})
    assert kinds(page) == ["冲回", "兑付", "批准"]
    assert re.findall(r'<dd class="money">([^<]+)</dd>', page.text)[0] == "+2,000"
    assert "这个案件没有记账" in office.get(f"{LEDGER}?case=nothing").text


def test_the_ledger_is_paged_and_a_place_that_is_none_is_said(office, monkeypatch):
    monkeypatch.setattr(ledger, "PAGE", 2)
    paid_and_taken_back(office)
    first = office.get(LEDGER)
    assert kinds(first) == ["冲回", "兑付"]
    onward = re.search(r'href="([^"]+)" data-key="n"', first.text)[1]
    second = office.get(onward)
    assert (kinds(second), 'data-key="n"' in second.text) == (["批准"], False)
    assert f'href="{LEDGER}" data-key="p"' in second.text
    assert office.get(f"{LEDGER}?after=nowhere").status_code == 422


def test_the_ledger_as_a_table_has_every_entry_in_fen(office):
    case, _ = paid_and_taken_back(office)
    answer = office.get(f"{LEDGER}.csv")
    assert answer.headers["cache-control"] == "private, no-store"
    rows = list(csv.DictReader(StringIO(answer.text.lstrip("\ufeff"))))
    assert [(row["kind"], row["expense_fen"], row["owed_fen"], row["cash_fen"]) for row in rows] == [
        ("reversal", "0", str(-WORTH), str(WORTH)), ("paid", "0", str(WORTH), str(-WORTH)),
        ("granted", str(WORTH), str(-WORTH), "0"),
    ]  # fmt: skip
    assert {row["case_id"] for row in rows} == {case["case_id"]}
    assert rows[0]["reverses"] == rows[1]["entry_id"]


def test_an_empty_ledger_says_what_would_be_there(office: Office):
    assert "还没有记账" in office.sits("office").get(LEDGER).text
