"""Canaries through every way in: each planted word is found where it is meant to lie, and in no other place at all.

A word that somebody wrote lies in the store of texts: it is looked for there too, so that a search which finds nothing
anywhere cannot pass. Names and numbers lie nowhere: what holds them is sealed, refused or never kept.
"""

import csv
import io
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pytest
from pymongo import MongoClient

from deploy.embedded.plan import ROOT
from services.complaints.domain.channels import CHANNELS
from services.complaints.open311.keys import give, keys_file
from services.contracts.identifiers import new_id
from tests.integration.test_every_channel import SENT
from tests.support.canaries import STEM, TEXTS, Canaries, Search
from tests.support.custodians import Custodians
from tests.support.files import picture
from tests.support.places import search_documents, search_files, search_metrics, search_topics
from tests.support.processes_of_sources import bearer
from tests.support.public_pages import OWN, code_on, fields, filed, post
from tests.support.stack import eventually

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]
OPENINGS, SHEETS, COMPLAINTS = "duban_vault.openings", "duban_complaints.survey_sheets", "duban_complaints.complaints"
MONITOR = "monitor-canary"


class Planter:
    """Puts canaries into requests. What is refused must leave as little behind as what is taken."""

    def __init__(self, stack, canaries):
        self.stack, self.canaries = stack, canaries
        self.client = httpx.Client(base_url=f"{stack.http}/complaints", timeout=60)
        self.named = []

    def send(self, path, body, role=None, agency=None, wanted=(200, 201), **headers):
        who = bearer(self.stack, role, agency) if role else {}
        answer = self.client.post(path, json=body, headers=who | headers)
        assert answer.status_code in wanted, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def file(self, channel, **more):
        own, role = SENT[channel]
        body = {"channel": channel, "agency": "tax", "offence": "delay", "text": self.canaries.text(), "intake": own}
        return self.send("/v1/cases", body | more, role)

    def does(self, case, command, role, agency=None, **body):
        return self.send(f"/v1/cases/{case}/{command}", body, role, agency)


@pytest.fixture(scope="module")
def canaries():
    return Canaries()


@pytest.fixture(scope="module")
def planter(stack, canaries):
    return Planter(stack, canaries)


@pytest.fixture(scope="module")
def planted(stack, planter, canaries):
    """Everything is planted, published, and handed to the vault."""
    for plant in (every_channel, wrong_fields, refused_requests, a_life, the_form_and_the_inbox, open311, a_table,
                  a_supervisor, a_survey, the_vault):  # fmt: skip
        plant(planter, canaries)
    with MongoClient(stack.mongo) as store:
        complaints = store.duban_complaints.complaints
        away = {"$or": [{"pending.timeline": "live"}, {"sealed.identity_ref": {"$gt": ""}}]}
        eventually(lambda: complaints.count_documents(away) == 0, 120)
    return canaries


def every_channel(planter, canaries):
    """A sentence and a name each; the number of a body that passes a complaint on is kept like a sentence."""
    for channel, (own, _) in SENT.items():
        if channel in ("supervisor", "open311"):
            continue  # below, with a term of office, and by an application
        number = {"their_number": canaries.text()} if "their_number" in own else {}
        case = planter.file(channel, intake=own | number, identity=canaries.identity())
        planter.named.append(case["case_id"])


def wrong_fields(planter, canaries):
    """A telephone number in each field of each channel, and a field that does not exist."""
    for channel, struct in CHANNELS.items():
        own = SENT[channel][0]
        names = [f.name for f in msgspec.structs.fields(struct) if isinstance(own.get(f.name, ""), str)]
        for name in {*names, "caller_name"} - {"their_number"}:
            body = {"channel": channel, "intake": own | {name: canaries.phone()}}
            planter.send("/v1/cases", body, "clerk", wanted=(422,))
    for name in ("place", "section", "officer", "enterprise", "source_ref", "item", "text_ref", "procedure"):
        planter.send("/v1/cases", {"channel": "website", name: canaries.phone()}, wanted=(422,))


def refused_requests(planter, canaries):
    """Bodies that are none, addresses that lead nowhere, codes and passwords that are wrong."""
    broken = f'{{"channel": "website", "text": "{canaries.word()}'.encode()
    assert planter.client.post("/v1/cases", content=broken).status_code == 400
    planter.send("/v1/cases", {"channel": canaries.word(), "text": canaries.word()}, wanted=(422,))
    planter.send("/v1/cases", {"channel": "website", "text": canaries.word() * 2000}, wanted=(422,))
    planter.send("/v1/inbox/session", {"code": canaries.word()}, wanted=(404,))
    assert (
        planter.client.get(f"/v1/cases/{canaries.word()}", headers=bearer(planter.stack, "office")).status_code == 404
    )
    assert planter.client.get("/file", params={"name": canaries.word()}).status_code == 200
    sign_in = {"name": canaries.word(), "password": canaries.word()}
    assert httpx.post(f"{planter.stack.plan.vault}/v1/sessions", json=sign_in, timeout=60).status_code == 401
    httpx.post(f"{planter.stack.http}/sign-in", data=sign_in, headers=OWN, timeout=60)


def a_life(planter, canaries):
    """Everything that anybody writes while a complaint is handled."""
    case, agency = planter.file("hotline")["case_id"], {"agency": "tax"}
    planter.does(case, "ask", "clerk", text=canaries.text())
    planter.does(case, "supplement", "clerk", text=canaries.text())
    planter.does(case, "accept", "clerk")
    planter.send(f"/v1/cases/{case}/dispatch", {**agency, "assisting": ["finance"]}, "clerk")
    planter.send(f"/v1/cases/{case}/return", {**agency, "reason": canaries.text()}, "agency", "tax")
    planter.send(f"/v1/cases/{case}/dispatch", {**agency, "assisting": ["finance"]}, "clerk")
    planter.send(f"/v1/cases/{case}/advise", {"agency": "finance", "text": canaries.text()}, "agency", "finance")
    more = {"limit": {"amount": 5, "unit": "working_days"}, "approved_by": "office-1", "reason": canaries.text()}
    planter.send(f"/v1/cases/{case}/extend", more, "office")
    transfer = {"agency": "market", "reason": canaries.text()}
    planter.send(f"/v1/cases/{case}/transfer", transfer, "office")
    found = {"agency": "market", "finding": "unfounded", "offence": "extortion"}
    for approved in (False, True):
        planter.send(f"/v1/cases/{case}/conclude", found, "agency", "market")
        signed = {"agency": "market", "approved": approved, "reason": canaries.text()}
        planter.send(f"/v1/cases/{case}/sign-off", signed, "head", "market")
    planter.send(f"/v1/cases/{case}/reply", {"agency": "market", "text": canaries.text()}, "agency", "market")
    planter.does(case, "appeal", "clerk", text=canaries.text())
    refused = planter.file("letter")["case_id"]
    planter.does(refused, "refuse", "clerk", reason="in_litigation")
    planter.does(refused, "appeal-refusal", "clerk", text=canaries.text())


def the_form_and_the_inbox(planter, canaries):
    """The public pages as a browser sends them: a form abandoned half way, one with a name, a picture and its maker."""
    abandoned = {"at": "text", "text": canaries.word(), "name": canaries.word(), "go": "next"}
    assert post(planter, "/file", abandoned).status_code == 200
    who = {"identity": "named", "name": canaries.word(), "phone": canaries.phone(), "email": canaries.email()}
    page = filed(planter, text=canaries.text(), **who)
    assert page.status_code == 200
    for code in (code_on(page),):
        canaries.allowed[code] = frozenset()
        canaries.allowed[code[:4] + " " + code[4:8]] = frozenset()
    form = fields(planter.client.get("/inbox"))
    maker = f"maker {STEM}77 of pictures"
    canaries.allowed[maker] = frozenset()
    photo = picture(maker=maker)
    assert maker.encode() in photo, "the picture does not name its maker: nothing would be tested"
    files = [("files", (f"{canaries.word()}.jpg", photo)), ("files", ("a.txt", canaries.word().encode()))]
    assert post(planter, "/inbox/messages", form | {"text": canaries.text()}, files=files).status_code == 303
    form = fields(planter.client.get("/inbox"))
    program = [("files", (f"{canaries.word()}.exe", b"MZ" + bytes(90) + canaries.word().encode()))]
    assert post(planter, "/inbox/messages", form | {"text": canaries.word()}, files=program).status_code == 422
    planter.client.cookies.clear()


def open311(planter, canaries):
    """Another application's form: of a public service the address is public, of any other it is in the text."""
    key = give(keys_file(planter.stack.plan.signing_key_file), "canary-app")
    for code, beside in (("delay", ()), ("city_service", (COMPLAINTS,))):
        sent = {
            "api_key": key, "service_code": code, "description": canaries.text(), "first_name": canaries.word(),
            "last_name": canaries.word(), "phone": canaries.phone(), "email": canaries.email(),
            "device_id": canaries.word(), "account_id": canaries.word(), "lat": "41.2", "long": "119.4",
            "address_string": canaries.text(*beside),
        }  # fmt: skip
        assert planter.client.post("/open311/v2/requests.json", data=sent).status_code == 201
    wrong = {"api_key": canaries.word(), "service_code": "delay", "phone": canaries.phone()}
    assert planter.client.post("/open311/v2/requests.json", data=wrong).status_code == 403


def a_table(planter, canaries, rows=3):
    """Letters typed in, the last row with a number where none belongs."""
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(("ref", "agency", "place", "text"))
    writer.writerows((f"canary-{n}", "tax", "", canaries.text()) for n in range(rows))
    writer.writerow(("canary-bad", "tax", canaries.phone(), canaries.word()))
    file = planter.stack.data.parent / f"letters-{new_id()}.csv"
    file.write_text(table.getvalue(), "utf-8")
    command = [sys.executable, "-m", "duban.main", "complaints", "import", str(file), "--channel", "letter"]
    done = subprocess.run([*command, "--data", str(planter.stack.data), "--json"], cwd=ROOT, capture_output=True,
                          text=True, timeout=280, check=False)  # fmt: skip
    assert (done.returncode, f'"filed": {rows}' in done.stdout) == (1, True), done.stdout + done.stderr


def a_supervisor(planter, canaries):
    """A supervisor's report, by a clerk who takes it down, and its answer."""
    today = datetime.now(UTC).date()
    term = {"body": "enterprise", "from_on": f"{today - timedelta(9)}", "to_on": f"{today + timedelta(9)}"}
    planter.send(f"/v1/supervisors/{MONITOR}/terms", term, "office")
    body = {"channel": "supervisor", "agency": "tax", "text": canaries.text(), "intake": {"supervisor": MONITOR},
            "identity": canaries.identity()}  # fmt: skip
    planter.named.append(planter.send("/v1/cases", body, "clerk")["case_id"])


def a_survey(planter, canaries):
    """What an enterprise writes lies with the survey's counts, and nowhere else."""
    now, name = datetime.now(UTC), "canary"
    questions = [{"code": "fast", "kind": "level", "words": {"zh": "快", "en": "fast"}},
                 {"code": "more", "kind": "text", "words": {"zh": "还有", "en": "more"}}]  # fmt: skip
    survey = {
        "campaign_id": name, "agencies": ["tax"], "title": {"zh": "评议", "en": "Survey"}, "questions": questions,
        "opens_at": now.isoformat(), "closes_at": (now + timedelta(hours=1)).isoformat(),
    }  # fmt: skip
    planter.send("/v1/surveys", survey, "office")
    (link,) = planter.send(f"/v1/surveys/{name}/links", {"agency": "tax", "count": 1}, "office")["links"]
    answer = {"fast": "4", "more": canaries.word(SHEETS)}
    page = httpx.post(f"{planter.stack.http}{link}", data=answer, headers=OWN, timeout=60)
    assert page.status_code == 303, page.text


def the_vault(planter, canaries):
    """Why an identity is opened lies in the vault alone, and the plaintext that is read leaves no trace."""
    with MongoClient(planter.stack.mongo) as store:
        there = {"case_id": {"$in": planter.named}}
        wanted = len(planter.named)
        eventually(lambda: store.duban_vault.identities.count_documents(there) == wanted, 120)
    opened = Custodians(planter.stack).open(planter.named[0], canaries.word(OPENINGS))
    assert set(opened.values()) <= canaries.allowed.keys()


@pytest.fixture(scope="module")
def found(stack, planted):
    """Word -> the places in which it lies, and what was looked at."""
    search = Search(planted.allowed)
    collections = search_documents(stack, search)
    topics = search_topics(stack, search)
    processes = search_metrics(stack, search)
    search_files(stack, search)
    store = Search(planted.allowed)
    store.folder(stack.data / "mongo")
    places = {word: frozenset(hit.where for hit in search.hits if hit.word == word) for word in planted.allowed}
    print(f"\n{len(places)} canaries in {search.files + store.files} files, {search.documents} documents of "
          f"{len(collections)} collections, {search.records} records of {len(topics)} topics, metrics of {processes} "
          f"processes, {(search.bytes + store.bytes) >> 20} MB")  # fmt: skip
    assert "dead-letters.v1" in topics
    assert {TEXTS, OPENINGS, SHEETS, COMPLAINTS, "duban_audit.entries"} <= set(collections)
    assert min(search.files, search.records, search.documents) > 0
    return places, store


def test_no_canary_lies_in_a_place_that_is_not_meant_for_it(planted, found):
    places, _ = found
    assert {
        word: where - planted.allowed[word] for word, where in places.items() if where - planted.allowed[word]
    } == {}


def test_each_canary_that_is_kept_was_found_where_it_is_kept(planted, found):
    places, _ = found
    assert [word for word, where in planted.allowed.items() if where - places[word]] == []


def test_what_is_kept_nowhere_is_in_no_file_of_the_store_either(planted, found):
    _, store = found
    assert {hit for hit in store.hits if not planted.allowed[hit.word]} == set()
    assert store.hits, "the search did not see what is there"
