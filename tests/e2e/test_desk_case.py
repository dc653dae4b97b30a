"""Work list and case page in a real browser: one case from the hotline form to a satisfied reply, by those it needs."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from deploy.embedded.stack import Stack
from duban.context import load
from services.complaints.current_due import CurrentDue
from services.complaints.domain.handling import Handling
from services.complaints.mongo import MongoComplaints
from services.complaints.receipts import Receipts
from services.complaints.service import ComplaintService
from services.contracts.complaints import ComplaintAcceptedV1, ComplaintDispatchedV1, ComplaintFiledV1
from services.shared.access import Principal, Reach
from services.shared.auth import load_key, mint
from services.shared.commands import Order
from services.shared.mongo import connect_store
from tests.support.folding import POLICIES
from tests.support.processes_of_sources import Process, running
from tests.support.screens import SCREENS
from tests.support.seats import Open, looked_at, seats

pytestmark = [pytest.mark.stack, pytest.mark.browser]
WHERE = {"agency": "tax", "head": "tax"}
SAYS = {
    "zh": {"title": "工作清单", "none": "没有符合条件的投诉"},
    "en": {"title": "Work list", "none": "No complaint fits"},
}  # fmt: skip


class Office:
    """The address of the desk, and sessions for whoever works there."""

    def __init__(self, stack: Stack, process: Process) -> None:
        self.url, self._key = process.url, load_key(stack.plan.signing_key_file)

    def token(self, role: str) -> str:
        group = "g3" if role == "supervisor" else None
        return mint(Principal(f"{role}-1", frozenset({role}), WHERE.get(role), group), 3600, self._key)


def weeks_ago(stack: Stack) -> list[str]:
    """Complaints of the last weeks that nobody has finished, written by the service itself with an earlier clock."""
    connect_store(load(stack.data).settings(), "complaints")
    store, now = MongoComplaints(), [datetime.now(UTC)]
    due = CurrentDue(POLICIES, store.kept_decrees, lambda: 0.0)
    service = ComplaintService(store, Receipts(b"k" * 32), {}, lambda: now[0], Handling(), None, due)
    actor, cases = Principal("clerk-2", frozenset({"clerk"})), []
    for days, agency, offence in (
        (24, "market", "buck_passing"), (17, "tax", "delay"), (9, "housing", "extortion"),
        (5, "tax", "arbitrary_charge"), (2, "market", "bad_attitude"),
    ):  # fmt: skip
        now[0] = datetime.now(UTC) - timedelta(days=days)
        filed = ComplaintFiledV1(channel="letter", agency=agency, offence=offence)
        order = Order(name="file", data=filed, actor=actor, reach=Reach(city=True))
        case = service.execute(order)[0].case_id
        for name, data in (("accept", ComplaintAcceptedV1()), ("dispatch", ComplaintDispatchedV1(agency=agency))):
            service.execute(Order(name=name, data=data, actor=actor, reach=Reach(city=True), case_id=case))
        cases.append(case)
    return cases


@pytest.fixture(scope="module")
def office(browser: Browser, infra: Stack, sheets: None) -> Iterator[Office]:
    weeks_ago(infra)
    with running(infra, "complaints", "serve") as process:
        yield Office(infra, process)


@pytest.fixture
def seat(browser: Browser, office: Office) -> Iterator[Open]:
    """`seat(role, lang, size)`: the desk of somebody signed in."""
    with seats(browser, office.url, office.token) as opened:
        yield opened


def filed(page: Page, office: Office) -> str:
    """A hotline case by the intake form; its id."""
    page.goto(f"{office.url}/desk/intake")
    page.locator("#text").fill("三月二日去征收窗口办退税，收了三百元“加急费”，没有收据。")
    page.locator("#unit").fill("tax/collection")
    page.locator("#offence").select_option("extortion")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#receipt-code")).to_be_visible()
    found = re.search(r"complaint-[0-9a-f-]{20,}", page.content())
    assert found
    return found[0]


def opened(page: Page, office: Office, case: str) -> None:
    page.goto(f"{office.url}/desk/cases/{case}")


def does(page: Page, command: str, *, asks: bool = False, picture: str = "", **fields: str) -> None:
    """The form of `command`, filled and sent, and confirmed once where it asks."""
    form = page.locator(f"#act-{command}")
    if form.get_attribute("open") is None:
        form.locator("summary").click()
    for name, value in fields.items():
        field = form.locator(f"#f-{command}-{name}")
        if field.evaluate("e => e.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
    if form.locator("input[name=evidence_refs]").count() and command in ("conclude", "correct"):
        form.locator("input[name=evidence_refs]").first.check()
    if picture:
        looked_at(page, f"case-{picture}")
    form.locator("[data-send]").click()
    if asks:
        expect(page.locator(".confirm")).to_be_visible()
        if picture:
            looked_at(page, f"case-{picture}-asked")
        page.keyboard.press("y")
    expect(page.locator(".done")).to_be_visible()


@pytest.mark.parametrize(("lang", "size"), SCREENS)
def test_from_the_hotline_to_a_satisfied_reply(seat: Open, office: Office, lang: str, size: str) -> None:
    clerk = seat("clerk", lang, size)
    case, tag = filed(clerk, office), f"{lang}-{size}"
    clerk.goto(f"{office.url}/desk/work")
    expect(clerk.get_by_role("heading", level=1)).to_have_text(SAYS[lang]["title"])
    looked_at(clerk, f"case-work-clerk-{tag}")
    opened(clerk, office, case)
    looked_at(clerk, f"case-filed-{tag}")
    does(clerk, "accept")
    does(clerk, "dispatch", unit="tax/collection", assisting="finance", picture=f"dispatch-{tag}")

    agency = seat("agency", lang, size)
    agency.goto(f"{office.url}/desk/work?mine=1")
    expect(agency.locator(f'.row-link[href$="{case}"]')).to_be_visible()
    looked_at(agency, f"case-work-agency-{tag}")
    opened(agency, office, case)
    expect(agency.locator(".words").first).to_contain_text("加急费")
    does(agency, "sign-in")
    does(agency, "respond")
    does(agency, "ask", text="收费的窗口是几号？ Which window was it?")
    agency.locator("#file").set_input_files({"name": "receipt.txt", "mimeType": "text/plain", "buffer": b"refund 300"})
    agency.locator(".add-file button").click()
    expect(agency.locator(".files li")).to_have_count(1)
    does(agency, "conclude", asks=True, finding="verified", offence="extortion", picture=f"conclude-{tag}")
    looked_at(agency, f"case-awaiting-{tag}")

    head = seat("head", lang, size)
    opened(head, office, case)
    looked_at(head, f"case-head-{tag}")
    does(head, "sign-off", asks=True, approved="yes")
    opened(agency, office, case)
    does(agency, "reply", asks=True, text="已查实并退还三百元，责任人已处理。")
    does(agency, "correct", asks=True)

    chief = seat("office", lang, size)
    opened(chief, office, case)
    does(chief, "call-back", way="telephone", outcome="rated", satisfaction="5")
    does(chief, "close", asks=True)
    expect(chief.locator(".event")).to_have_count(12)
    looked_at(chief, f"case-life-{tag}")
    chief.emulate_media(media="print")
    expect(chief.locator(".acts")).to_be_hidden()
    looked_at(chief, f"case-life-print-{tag}")


def test_the_list_by_keyboard_alone(seat: Open, office: Office) -> None:
    page = seat("clerk")
    page.goto(f"{office.url}/desk/work")
    page.keyboard.press("j")
    expect(page.locator(".row-link").first).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page.locator(".row-link").first).to_be_focused()
    page.keyboard.press("/")
    expect(page.locator("#filter-status")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("3")
    expect(page.locator(".tabs [aria-current]")).to_contain_text("已超期")
    expect(page.locator(".left-late").first).to_contain_text("已超")
    assert page.locator(".left-late").count() == page.locator(".row").count() >= 4
    looked_at(page, "case-work-overdue")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("#acts")).to_be_visible()
    looked_at(page, "case-overdue-case")
    page.keyboard.press("u")
    expect(page.get_by_role("heading", level=1)).to_have_text("工作清单")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    looked_at(page, "case-work-keys")


def test_an_action_by_its_number(seat: Open, office: Office) -> None:
    page = seat("clerk")
    opened(page, office, filed(page, office))
    page.keyboard.press("2")
    expect(page.locator("#act-refuse")).to_have_attribute("open", "")
    page.locator("#f-refuse-reason").select_option("in_litigation")
    page.locator("#f-refuse-reason").focus()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("确认：不予受理")
    page.keyboard.press("n")
    expect(page.locator("#f-refuse-reason")).to_have_value("in_litigation")


def test_somebody_else_was_first(seat: Open, office: Office) -> None:
    one, other = seat("clerk"), seat("office")
    case = filed(one, office)
    opened(one, office, case)
    opened(other, office, case)
    does(other, "accept")
    one.locator("#act-accept [data-send]").click()
    expect(one.locator(".govuk-error-summary")).to_contain_text("软环境办已于")
    expect(one.locator(".case-status")).to_have_text("待派单")
    looked_at(one, "case-stale")


@pytest.mark.parametrize(("lang", "size"), [("en", "desktop"), ("zh", "phone")])
def test_an_empty_list_and_what_a_supervisor_sees(seat: Open, office: Office, lang: str, size: str) -> None:
    page = seat("supervisor", lang, size)
    page.goto(f"{office.url}/desk/work")
    looked_at(page, f"case-work-supervisor-{lang}-{size}")
    page.locator(".row-link").first.click()
    expect(page.locator(".act")).to_have_count(0)
    looked_at(page, f"case-supervisor-{lang}-{size}")
    page.goto(f"{office.url}/desk/work?status=appealed")
    expect(page.locator(".empty-title")).to_have_text(SAYS[lang]["none"])
    looked_at(page, f"case-work-empty-{lang}-{size}")


def test_dark(seat: Open, office: Office) -> None:
    page = seat("office")
    page.emulate_media(color_scheme="dark")
    page.goto(f"{office.url}/desk/work")
    looked_at(page, "case-work-dark")
    page.locator(".row-link").first.click()
    looked_at(page, "case-case-dark")
