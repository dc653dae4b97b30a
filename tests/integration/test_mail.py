"""E-mail on a real mail server, a real document store and a real log: from a mail with a photo to the open inbox.

Killed, refused and unplugged in between: the complaint is filed once, and its receipt comes with the same code.
"""

import re
import shutil

import httpx
import pytest
from pymongo import MongoClient

from services.contracts.identifiers import new_id
from tests.support.mail_server import mail_server
from tests.support.mails import OFFICE, PERSON, mail, photo
from tests.support.processes_of_sources import Process, bearer, running
from tests.support.stack import eventually, running_stack
from tests.support.thief import rob

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]
OWN = {"Sec-Fetch-Site": "same-origin"}
CODE = re.compile(r"\d{4} \d{4} \d{4} \d{4} \d{2}")


@pytest.fixture(scope="module")
def running_server(tmp_path_factory):
    with mail_server(tmp_path_factory.mktemp("mail")) as server:
        yield server


@pytest.fixture
def server(running_server):
    """The server with both lines open and all boxes empty."""
    running_server.imap.open()
    running_server.smtp.open()
    running_server.empty()
    return running_server


@pytest.fixture(scope="module")
def complaints(infra):
    with running(infra, "complaints", "serve") as process:
        yield process


@pytest.fixture
def poller(infra, server):
    with running(infra, "complaints", "mail", **server.settings) as process:
        yield process


def one_of_its_own(text="窗口要收没有公布的费用", **more):
    """A mail that no other test sends, and the words by which its case is found."""
    words = f"{text} {new_id()}"
    return words, mail(words, message_id=f"<{new_id()}@people.example>", **more)


def cases_about(infra, words):
    """The cases whose text holds `words`."""
    with MongoClient(infra.mongo) as store:
        database = store.duban_complaints
        refs = [t["_id"] for t in database.texts.find({}) if words in t["text"]]
        return list(database.complaints.find({"text_ref": {"$in": refs}}))


def the_case(infra, words):
    found = eventually(lambda: cases_about(infra, words), 60)
    assert len(found) == 1
    return found[0]


def code_in(receipt):
    """The code of a receipt, the same in both languages."""
    text = receipt.get_content()
    codes = CODE.findall(text)
    assert len(codes) == 2
    assert len(set(codes)) == 1
    return codes[0]


def opened(complaints, code):
    with httpx.Client(base_url=complaints.url, headers=OWN, timeout=30) as client:
        assert client.post("/v1/inbox/session", json={"code": code}).status_code == 201
        return client.get("/v1/inbox").json()


def test_a_mail_with_a_photo_becomes_a_case_and_its_receipt_opens_the_inbox(infra, server, complaints, poller):
    words, raw = one_of_its_own(files=(photo(), b"\x78\x9f\x3e\x22 winmail"))
    server.deliver(raw)
    (receipt,) = eventually(server.receipts, 60)
    thread = opened(complaints, code_in(receipt))
    assert [(said["text"], said["evidence"]) for said in thread["messages"]] == [(f"投诉\n\n{words}", 0), ("", 1)]
    case = the_case(infra, words)
    assert (case["channel"], case["about"], case["status"]) == ("email", None, "filed")
    path = f"{complaints.url}/v1/cases/{case['_id']}/evidence"
    (kept,) = httpx.get(path, headers=bearer(infra, "clerk")).json()["evidence"]
    assert (kept["media_type"], kept["cleaned"]) == ("image/jpeg", True)
    content = httpx.get(f"{path}/{kept['ref']}", headers=bearer(infra, "clerk")).content
    assert content.startswith(b"\xff\xd8")
    assert b"here it was taken" not in content


def test_a_receipt_says_what_there_is_to_know_in_both_languages_and_is_known_as_a_program_s(infra, server, poller):
    _, raw = one_of_its_own(files=(photo(), b"\x78\x9f\x3e\x22 winmail"))
    server.deliver(raw)
    (receipt,) = eventually(server.receipts, 60)
    text = receipt.get_content()
    assert text.index("您的投诉已收到") < text.index("Your complaint has been received")
    for said in (
        "https://duban.example/complaints/inbox/open", "随信的 1 个文件已作为材料保存", "有 1 个文件没有保存",
        "没有网上表单安全", "1 file was not kept", "less safe than the form",
    ):  # fmt: skip
        assert said in text
    assert receipt["Return-Path"] == "<empty-sender@city.example>"
    assert receipt["X-Auto-Response-Suppress"] == "All"
    assert receipt["In-Reply-To"] == re.search(rb"Message-ID: (\S+)", raw)[1].decode()
    assert "投诉" not in receipt["Subject"]


def test_what_is_done_lies_answered_in_the_folder_of_those_filed(server, poller):
    _, raw = one_of_its_own()
    server.deliver(raw)
    (flags,) = eventually(lambda: server.flags(OFFICE, "Filed"), 60)
    assert b"\\Answered" in flags
    assert b"\\Seen" in flags
    assert server.mails(OFFICE) == []
    assert poller.metric("duban_mails_total", outcome="filed") == 1
    assert poller.metric("duban_mail_receipts_total", outcome="sent") == 1


def test_where_nothing_is_to_be_kept_what_is_done_is_deleted(infra, server):
    words, raw = one_of_its_own()
    server.deliver(raw)
    with running(infra, "complaints", "mail", **server.settings, DUBAN_MAIL_FILED=""):
        the_case(infra, words)
        eventually(lambda: server.receipts() and not server.mails(OFFICE), 60)
    assert server.mails(OFFICE, "Filed") == []


def test_a_mail_that_somebody_has_read_by_hand_is_filed_all_the_same(infra, server):
    words, raw = one_of_its_own()
    server.deliver(raw)
    with server._box(OFFICE) as box:
        box.select("INBOX")
        box.store("1", "+FLAGS", r"(\Seen)")
    with running(infra, "complaints", "mail", **server.settings):
        the_case(infra, words)
        eventually(server.receipts, 60)


@pytest.mark.parametrize("where", ["mail.filed", "mail.sent", "mail.answered"])
def test_killed_on_the_way_it_is_one_case_with_one_code(infra, server, complaints, where):
    words, raw = one_of_its_own(files=(photo(),))
    server.deliver(raw)
    dying = Process(infra, "complaints", "mail", **server.settings, DUBAN_FAILPOINT=where)
    try:
        assert dying.process.wait(120) == -9
    finally:
        dying.kill()
    before = the_case(infra, words)["_id"]
    with running(infra, "complaints", "mail", **server.settings):
        eventually(lambda: server.mails(OFFICE, "Filed") and not server.mails(OFFICE), 60)
    assert the_case(infra, words)["_id"] == before
    receipts = server.receipts()
    assert len(receipts) == (2 if where == "mail.sent" else 1)
    assert len({(r["Message-ID"], code_in(r)) for r in receipts}) == 1
    thread = opened(complaints, code_in(receipts[0]))
    assert [said["evidence"] for said in thread["messages"]] == [0, 1]
    evidence = f"{complaints.url}/v1/cases/{before}/evidence"
    assert len(httpx.get(evidence, headers=bearer(infra, "clerk")).json()["evidence"]) == 1


def test_the_same_mail_twice_is_one_case_and_another_sender_s_copy_gets_another_code(infra, server, complaints, poller):
    words, raw = one_of_its_own()
    server.deliver(raw, b"Received: by another way\r\n" + raw)
    eventually(lambda: len(server.receipts()) == 2, 60)
    the_case(infra, words)
    spy = "spy@agency.example"
    server.deliver(raw.replace(PERSON.encode(), spy.encode()))
    eventually(lambda: len(cases_about(infra, words)) == 2, 60)
    eventually(lambda: len(server.mails(OFFICE, "Filed")) == 3, 60)
    assert len({code_in(r) for r in server.receipts()}) == 1, "the copy's receipt went to its own sender"


def test_while_receipts_cannot_be_sent_mails_are_filed_and_their_receipts_come_later(infra, server, poller):
    server.smtp.shut()
    (first, one), (second, two) = one_of_its_own(), one_of_its_own()
    server.deliver(one, two)
    the_case(infra, first)
    the_case(infra, second)
    answer = eventually(lambda: unready(poller), 30)
    assert answer["reason"] == "waits for smtp"
    assert server.receipts() == []
    assert len(server.mails(OFFICE)) == 2
    server.smtp.open()
    eventually(lambda: len(server.receipts()) == 2, 90)
    eventually(lambda: not server.mails(OFFICE) and unready(poller) is None, 60)
    the_case(infra, first)
    the_case(infra, second)


def test_while_the_mailbox_is_away_it_waits_says_so_and_comes_back(infra, server, poller):
    server.imap.shut()
    answer = eventually(lambda: unready(poller), 60)
    assert answer["reason"] == "waits for imap"
    words, raw = one_of_its_own()
    server.deliver(raw)
    eventually(lambda: poller.metric("duban_mail_retries_total", reason="imap") >= 2, 60)
    assert httpx.get(f"{poller.url}/health/live").status_code == 200
    server.imap.open()
    the_case(infra, words)
    eventually(lambda: unready(poller) is None, 60)
    eventually(server.receipts, 60)


def unready(process):
    answer = httpx.get(f"{process.url}/health/ready")
    return answer.json() if answer.status_code == 503 else None


def test_a_server_whose_certificate_nobody_vouches_for_gets_no_password(infra, server):
    unproven = {"DUBAN_MAIL_IMAP_PORT": str(server.imaps_port), "DUBAN_MAIL_IMAP_SECURITY": "tls"}
    process = Process(infra, "complaints", "mail", **server.settings | unproven)
    try:
        eventually(lambda: process._answers("/health/live"), 120)
        eventually(lambda: process.metric("duban_mail_retries_total", reason="imap") >= 1, 60)
        log = (infra.data / "logs" / f"complaints-mail-{process.port}.log").read_text()
        assert "SSLCertVerificationError" in log
    finally:
        process.kill()


def test_programs_are_put_aside_by_reason_counted_and_never_answered(infra, server, poller):
    words, raw = one_of_its_own()
    server.deliver(
        mail(message_id="<loop@city.example>", sender=OFFICE), mail(auto_submitted="auto-replied"),
        mail(sender="mailer-daemon@mx.example"), mail(list_id="<news.example>"), b"\r\n\r\n",
    )  # fmt: skip
    server.deliver(b"Return-Path: <>\r\n" + mail(message_id="<null@people.example>"))
    server.deliver(raw)
    the_case(infra, words)
    eventually(lambda: not server.mails(OFFICE), 60)
    reasons = {"loop": 1, "automatic": 1, "bounce": 2, "list": 1, "malformed": 1}
    assert {r: len(server.mails(OFFICE, f"Aside/{r}")) for r in reasons} == reasons
    assert {r: poller.metric("duban_mails_total", outcome=r) for r in reasons} == reasons
    assert len(server.receipts()) == 1


def test_a_receipt_that_comes_back_is_a_bounce_and_starts_nothing(infra, server, poller):
    _, raw = one_of_its_own()
    server.deliver(raw)
    (receipt,) = eventually(server.receipts, 60)
    returned = receipt.as_bytes().replace(b"From: " + OFFICE.encode(), b"From: " + PERSON.encode())
    server.deliver(returned)
    eventually(lambda: server.mails(OFFICE, "Aside/automatic"), 60)
    assert len(server.receipts()) == 1


def test_a_stack_told_of_a_mail_server_starts_while_that_is_away_and_takes_mails_in(server, tmp_path, monkeypatch):
    server.imap.shut()
    for name, value in server.settings.items():
        monkeypatch.setenv(name, value)
    with running_stack(tmp_path / "stack", ("mongo", "mail")) as stack:
        (row,) = [row for row in stack.status() if row.name == "mail"]
        answer = httpx.get(f"http://127.0.0.1:{row.ports[0]}/health/ready")
        assert answer.status_code == 503
        server.imap.open()
        server.deliver(one_of_its_own()[1])
        eventually(server.receipts, 60)


def test_without_a_mail_server_it_says_in_one_line_what_is_missing(infra):
    process = Process(infra, "complaints", "mail")
    assert process.process.wait(120) == 2
    log = (infra.data / "logs" / f"complaints-mail-{process.port}.log").read_text().splitlines()
    assert log == ["no mail: set DUBAN_MAIL_IMAP_HOST, DUBAN_MAIL_SMTP_HOST and DUBAN_MAIL_SENDER"]


def test_who_writes_is_in_no_document_record_log_or_metric_but_sealed(infra, server, complaints, poller, tmp_path):
    marker = f"marker-{new_id()}"
    canaries = ["欧阳金丝雀", "canary17@example.invalid"]
    raw = mail(
        marker, sender=f"{canaries[0]} <{canaries[1]}>", message_id=f"<{marker}@example.invalid>", files=(photo(),)
    )  # fmt: skip
    with running(infra, "complaints", "relay", DUBAN_VAULT_URL="http://127.0.0.1:9"):
        server.deliver(raw, mail(auto_submitted="auto-replied", sender=f"{canaries[0]} <{canaries[1]}>"))
        case_id = the_case(infra, marker)["_id"]
        eventually(lambda: not server.mails(OFFICE), 60)
        eventually(lambda: published(infra, case_id), 60)
        metrics = httpx.get(f"{poller.url}/metrics").content + httpx.get(f"{complaints.url}/metrics").content
    infra.hold("mongo")
    try:
        shutil.copytree(infra.data / "mongo", tmp_path / "mongo")
    finally:
        infra.release("mongo", 120)
    keys = shutil.copytree(infra.data / "keys", tmp_path / "keys", ignore=shutil.ignore_patterns("vault"))
    loot = rob(tmp_path / "mongo", infra.brokers, keys, [*canaries, marker])
    for folder in ("kafka", "logs", "attachments"):
        loot.search.folder(infra.data / folder)
    loot.search.look("metrics", metrics)
    assert any(hit.where.startswith("duban_complaints.texts") for hit in loot.hits(marker)), "nothing was looked at"
    assert [hit for word in canaries for hit in loot.hits(word)] == []
    assert loot.opened == 0
    assert len(loot.blobs) >= 2
    private = rob(None, None, infra.data / "keys" / "vault", canaries)
    private.blobs = loot.blobs
    private.break_in()
    assert {hit.word for hit in private.search.hits} == set(canaries), "with the vault's key they are read"


def published(infra, case_id):
    with MongoClient(infra.mongo) as store:
        return not store.duban_complaints.complaints.find_one({"_id": case_id}).get("outbox")
