"""Pages over alerts in memory: who may see what, links that lead nowhere else, what a bad address gets."""

from datetime import UTC, datetime, timedelta

import pytest

from services.contracts.alerts import AlertRaisedV1
from services.notifications.web.address import address_of
from services.notifications.web.charts import Bar, bars
from services.shared.access import Principal
from services.shared.auth import SESSION_COOKIE, mint
from services.shared.users import hash_password
from services.shared.web import session
from services.shared.web.pages import safe_path
from tests.support.alerts import T0, alert, record
from tests.unit.notifications.test_api import City, city

__all__ = ["city"]


def test_somebody_unknown_signs_in_and_comes_back(city: City) -> None:
    answer = city.http.get("/?severity=red")
    assert answer.status_code == 401
    assert '<input type="hidden" name="target" value="/?severity=red">' in answer.text


def test_a_ticket_signs_in_once_it_is_good(city: City) -> None:
    principal = Principal("office", frozenset({"office"}))
    good = mint(principal, 60, city.key, use="ticket")
    answer = city.http.get(f"/sign-in?ticket={good}&next=/alerts/x")
    assert (answer.status_code, answer.headers["location"]) == (303, "/alerts/x")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{SESSION_COOKIE}=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    for bad in (mint(principal, 60, city.key), mint(principal, -1, city.key, use="ticket"), "nonsense"):
        answer = city.http.get(f"/sign-in?ticket={bad}")
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", ["https://evil.example/", "//evil.example", "/\\evil.example", "evil", "", "/a\r\nb"])
def test_a_sign_in_link_leads_nowhere_else(path: str) -> None:
    assert safe_path(path) == "/"


def test_passwords_are_not_guessed_for_long_and_right_ones_cost_nothing(city: City, monkeypatch) -> None:
    office = Principal(
        "office-1", frozenset({"office"})
    )  # without the slow hash, which would give attempts back meanwhile
    monkeypatch.setattr(session.users, "authenticate", lambda *given: office if given[2] == "a password" else None)
    right = {"name": "office-1", "password": "a password", "target": "/"}
    for _ in range(30):
        assert city.http.post("/sign-in", data=right).status_code == 303
    wrong = [city.http.post("/sign-in", data=right | {"password": f"guess {n}"}) for n in range(21)]
    assert [answer.status_code for answer in wrong] == [401] * 20 + [429]
    assert (int(wrong[-1].headers["retry-after"]) > 0, "尝试次数过多" in wrong[-1].text) == (True, True)
    refused = city.http.post("/sign-in", data=right)
    assert (refused.status_code, "set-cookie" in refused.headers) == (429, False)


@pytest.mark.parametrize(
    "faulty", ["users: {person: {password: x, roles: [office]}}", "users: {a: {roles: [king]}}", "users: [", "- a"]
)
def test_an_account_that_cannot_be_is_said_at_sign_in_and_nobody_gets_in(city: City, tmp_path, faulty: str) -> None:
    good = f"office-1: {{password: '{hash_password('a password')}', roles: [office]}}"
    signs_in = {"name": "office-1", "password": "a password", "target": "/"}
    (tmp_path / "users.yaml").write_text(f"users: {{{good}}}")
    assert city.http.post("/sign-in", data=signs_in).status_code == 303
    (tmp_path / "users.yaml").write_text(faulty)
    answer = city.http.post("/sign-in", data=signs_in)
    assert (answer.status_code, "现在谁也不能登录" in answer.text) == (503, True)
    assert "set-cookie" not in answer.headers
    (tmp_path / "users.yaml").write_text(f"users: {{{good}}}")
    assert city.http.post("/sign-in", data=signs_in).status_code == 303, "without a restart"


def test_a_role_without_the_board_is_told_so(city: City) -> None:
    answer = city.get("/", role="clerk")
    assert answer.status_code == 403
    assert "您没有查看此页的权限" in answer.text


def test_what_is_not_in_the_list_of_choices_is_the_usual(city: City) -> None:
    address = address_of(
        {"severity": "blue", "state": "gone", "sort": "best", "by": "x", "agency": " housing ", "z": "1"}
    )
    assert address == address_of({"agency": "housing"})
    assert address.link("/") == "/?agency=housing"
    assert address.link("/", agency="") == "/"
    assert city.get("/?after=rubbish").status_code == 422


def test_text_from_the_log_is_never_markup(city: City) -> None:
    evil = '<script>alert("x")</script>'
    text = {"zh": evil, "en": evil}
    city.inbox.handle([record(alert("a", AlertRaisedV1, agency=evil, section=evil, source_ref=evil, explanation=text))])
    board, page = city.get("/").text, city.get(f"/alerts/{alert('a').alert_id}").text
    assert "&lt;script&gt;" in board
    assert "&lt;script&gt;" in page
    assert evil not in board + page


def test_a_spreadsheet_runs_nothing(city: City) -> None:
    city.inbox.handle([record(alert("a", source_ref="=cmd|' /C calc'!A0"))])
    assert ",'=cmd|" in city.get("/alerts.csv").text


def test_the_language_cookie_chooses(city: City) -> None:
    city.inbox.handle([record(alert("a"))])
    assert "督办看板" in city.get("/").text
    assert "Alert board" in city.get("/", Cookie="duban_language=en").text
    answer = city.http.post("/language", data={"lang": "en", "target": "//evil.example"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_new_means_the_last_day_before_now(city: City) -> None:
    now = datetime.now(UTC)
    city.inbox.handle([record(alert("old", due_at=now - timedelta(hours=25))), record(alert("new", due_at=now))])
    page = city.get("/?new=1&state=all").text
    assert ">new<" in page
    assert ">old<" not in page


def test_bars_start_at_zero_and_keep_their_proportions() -> None:
    data = [Bar(label=f"a{n}", value=n, red=0, note="", href="/") for n in (20, 10)]
    drawn = [float(part.split('"')[0]) for part in bars(data, "t").split('class="chart-bar"')[1:] for part in
             [part.split('width="')[1]]]  # fmt: skip
    assert drawn[0] == pytest.approx(2 * drawn[1], abs=0.2)
    assert bars([], "t").startswith("<svg")


def test_an_alert_of_another_agency_is_not_found(city: City) -> None:
    city.inbox.handle([record(alert("a", due_at=T0))])
    hidden = city.get(f"/alerts/{alert('a').alert_id}", role="agency", agency="finance")
    assert hidden.status_code == 404
    assert "没有这条警示" in hidden.text
