"""One complaint through each way in, with its own fields, to an answer that satisfies (rows A1, B1-B5).

On the whole stack, over HTTP; at the end everything that happened lies in the log, and no alert stands open.
"""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from services.complaints.domain.channels import CHANNELS
from services.complaints.domain.receipt_code import grouped, plain
from services.complaints.open311.keys import give, keys_file
from services.contracts.envelope import LIVE
from services.contracts.identifiers import new_id
from tests.support.processes_of_sources import bearer, cases, firsts, records
from tests.support.stack import answered, eventually

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]
OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}
AGENCY, MONITOR = "tax", "monitor-1"
NUMBER = "凌检转〔2026〕17 号"
# Channel -> its own fields as they are sent, and the role that files: a person themselves, or who takes it down.
SENT = {
    "hotline": ({"call_ref": "call-88", "caller": "unknown"}, "clerk"),
    "website": ({"language": "en"}, None),
    "letter": ({"letter_ref": "L-12", "received_on": "2026-11-02", "signed": True}, "clerk"),
    "questionnaire": ({"campaign": "autumn", "question": "q3"}, "clerk"),
    "supervision_box": (
        {"box": "box-3", "opened_at": "2026-11-03T09:00:00+08:00", "openers": ["office-1", "g2-2"], "batch": "b-8"},
        "office",
    ),
    "media": ({"outlet": "city-radio", "published_on": "2026-11-04", "kind": "radio"}, "office"),
    "procuratorate": ({"their_number": NUMBER, "received_on": "2026-11-05"}, "office"),
    "report_centre": ({"their_number": NUMBER}, "office"),
    "petition_office": ({"their_number": NUMBER}, "office"),
    "supervisor": ({"supervisor": MONITOR}, "monitor"),
    "reception_day": ({"leader": "leader-2", "held_on": "2026-11-06", "kind": "visit"}, "clerk"),
    "email": ({"message_ref": "mail-5", "received_on": "2026-11-07"}, "clerk"),
    "open311": ({"service_code": "delay"}, None),
    "import": ({"batch": "b-9", "row": "r-4"}, "clerk"),
}
PASSED_ON = ("procuratorate", "report_centre", "petition_office")
RATED_IN_THE_INBOX = ("website", "open311", "email")


class Case:
    """One complaint and its receipt code."""

    def __init__(self, stack, url, case_id, code):
        self._stack, self.url, self.case_id, self.code = stack, url, case_id, code

    def does(self, command, role, **body):
        agency = AGENCY if role in ("agency", "head") else None
        headers = bearer(self._stack, role, agency) | {"Idempotency-Key": new_id()}
        path = f"{self.url}/v1/cases/{self.case_id}/{command}"
        answer = answered(lambda: httpx.post(path, json=body, headers=headers, timeout=60))
        assert answer.status_code == 200, f"{command}: {answer.text}"
        return answer.json()["status"]

    def get(self, rest="", role="office"):
        path, headers = f"{self.url}/v1/cases/{self.case_id}{rest}", bearer(self._stack, role)
        answer = answered(lambda: httpx.get(path, headers=headers, timeout=60))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def evidence(self, content, role="agency"):
        path = f"{self.url}/v1/cases/{self.case_id}/evidence"
        headers = bearer(self._stack, role, AGENCY) | {"Idempotency-Key": new_id()}
        sent = answered(lambda: httpx.post(path, content=content, headers=headers, timeout=60))
        assert sent.status_code == 201, sent.text
        return sent.json()["ref"]

    @contextmanager
    def inbox(self):
        """A client with a session of the inbox."""
        with httpx.Client(base_url=self.url, headers=OWN_PAGE, timeout=60) as client:
            opening = {"json": {"code": grouped(self.code)}}
            assert answered(lambda: client.post("/v1/inbox/session", **opening)).status_code == 201
            yield client


@pytest.fixture(scope="module")
def url(stack):
    return f"{stack.http}/complaints"


@pytest.fixture(scope="module")
def in_office(stack, url):
    """The supervisor who reports has a running term."""
    today = datetime.now(UTC).date()
    term = {
        "body": "enterprise",
        "group": "g3",
        "from_on": f"{today - timedelta(30)}",
        "to_on": f"{today + timedelta(30)}",
    }
    path, headers = f"{url}/v1/supervisors/{MONITOR}/terms", bearer(stack, "office")
    answer = answered(lambda: httpx.post(path, json=term, headers=headers, timeout=60))
    assert answer.status_code == 200, answer.text


def filed(stack, url, channel):
    fields, role = SENT[channel]
    if channel == "open311":
        key = give(keys_file(stack.plan.signing_key_file), "city-app")
        form = {"api_key": key, "service_code": "delay", "description": f"经由{channel}", "attribute[agency]": AGENCY}
        headers = {"Accept-Language": "en", "Idempotency-Key": new_id()}
        answer = answered(lambda: httpx.post(f"{url}/open311/v2/requests.json", data=form, headers=headers, timeout=60))
        assert answer.status_code == 201, answer.text
        (told,) = answer.json()
        digits = "".join(c for c in told["service_notice"] if c.isdigit())
        return Case(stack, url, told["service_request_id"], digits)
    body = {"channel": channel, "agency": AGENCY, "offence": "delay", "text": f"经由{channel}", "intake": fields}
    headers = {"Idempotency-Key": new_id()} | (bearer(stack, role) if role else {})
    answer = answered(lambda: httpx.post(f"{url}/v1/cases", json=body, headers=headers, timeout=60))
    assert answer.status_code == 201, answer.text
    return Case(stack, url, answer.json()["case_id"], plain(answer.json()["receipt_code"]))


def handled(case, channel):
    """From acceptance to a reply, as an agency handles it whose fault is found."""
    case.does("accept", "clerk")
    case.does("dispatch", "clerk", agency=AGENCY)
    case.does("sign-in", "agency", agency=AGENCY)
    case.does("respond", "agency", agency=AGENCY)
    proof = case.evidence("窗口登记簿：当日未受理\n".encode())
    found = {"agency": AGENCY, "finding": "verified", "offence": "delay", "evidence_refs": [proof]}
    if case.does("conclude", "agency", **found) == "awaiting_sign_off":
        case.does("sign-off", "head", agency=AGENCY)
    assert case.does("reply", "agency", agency=AGENCY, text=f"已查实并改正：{channel}") == "replied"
    if channel in PASSED_ON:
        their_ref = case.get()["their_ref"]
        assert case.get(f"/texts/{their_ref}")["text"] == NUMBER, "they are answered under their own number"
        case.does("answer-back", "office", channel=channel, their_ref=their_ref)


def satisfied(case, channel):
    """The person reads the answer in the inbox, and is content with it."""
    with case.inbox() as inbox:
        said = answered(lambda: inbox.get("/v1/inbox")).json()["messages"]
        assert [m["text"] for m in said] == [f"经由{channel}", f"已查实并改正：{channel}"]
        if channel in RATED_IN_THE_INBOX:
            key = {"Idempotency-Key": new_id()}
            rated = answered(lambda: inbox.post("/v1/inbox/rating", json={"satisfaction": 5}, headers=key))
            assert rated.status_code == 201, rated.text
            return "inbox"
    case.does("call-back", "clerk", way="telephone", outcome="rated", satisfaction=5)
    return "telephone"


def closed(case):
    if case.get()["correction_due"]:
        case.does("correct", "agency", agency=AGENCY, evidence_refs=[case.evidence("改正通知\n".encode())])
    assert case.does("close", "clerk") == "closed"


def expected_on_the_log(stack, case, channel):
    fields = dict(SENT[channel][0])
    if fields.pop("their_number", None):
        fields["their_ref"] = case.get()["their_ref"]
    if channel == "media":
        fields.setdefault("kind", "newspaper")
    return fields


@pytest.fixture(scope="module")
def lives(stack, url, in_office):
    """Channel -> its case, closed, and the way in which it was rated."""
    found = {}
    for channel in SENT:
        case = filed(stack, url, channel)
        handled(case, channel)
        way = satisfied(case, channel)
        closed(case)
        found[channel] = case, way
    return found


def test_every_channel_is_played():
    assert SENT.keys() == CHANNELS.keys()


@pytest.mark.parametrize("channel", SENT)
def test_from_its_own_fields_to_a_satisfied_answer(stack, lives, channel):
    case, way = lives[channel]
    read = case.get()
    data = [step["data"] for step in read["history"]]
    assert (read["status"], read["channel"], read["correction_due"]) == ("closed", channel, False)
    assert data[0]["intake"].items() >= expected_on_the_log(stack, case, channel).items()
    rating = next(d for d in data if "satisfaction" in d)
    assert (rating["way"], rating["satisfaction"]) == (way, 5)
    steps = [step["type"].split(".")[1] for step in read["history"]]
    print(f"\n{channel:<16} {' → '.join(steps)}; rated {rating['satisfaction']} by {way}")


def test_the_log_has_every_step_once_and_no_sentence(stack, lives):
    wanted = {case.case_id: len(case.get()["history"]) for case, _ in lives.values()}

    def logged():
        found = cases(records(stack, "complaints.v1", LIVE))
        return {case: found.get(case, []) for case in wanted}

    eventually(lambda: {c: len({e.id for e in events}) for c, events in logged().items()} == wanted, 60)
    assert all(firsts(events) == list(range(1, wanted[case] + 1)) for case, events in logged().items())


def test_nobody_was_late_so_no_alert_names_these_cases(stack, lives):
    with httpx.Client(base_url=stack.http, headers=bearer(stack, "office"), timeout=60) as board:
        for case, _ in lives.values():
            assert board.get("/v1/alerts", params={"case_ref": case.case_id}).json()["items"] == []


def test_the_supervisor_reads_the_answer_to_their_report(stack, url, lives):
    told = httpx.get(f"{url}/v1/supervisors/reports", headers=bearer(stack, "monitor"), timeout=60).json()["items"]
    (report,) = [report for report in told if report["case_id"] == lives["supervisor"][0].case_id]
    assert [answer["text"] for answer in report["answers"]] == ["已查实并改正：supervisor"]
