"""The poller with a mailbox and a post office in memory: what it does when something fails, and in which order."""

import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from typing import Any

import pytest
from pymongo.errors import ServerSelectionTimeoutError

from services.complaints.attachments.repository import MemoryEvidence
from services.complaints.attachments.scanning import ScannerFailed
from services.complaints.attachments.service import MAX_FILES, Attachments
from services.complaints.attachments.store import Store
from services.complaints.identities import IdentitySealing
from services.complaints.inbox import Inbox
from services.complaints.mail import poller as polling
from services.complaints.mail.mailbox import Delivered
from services.complaints.mail.poller import PER_SENDER, MailPoller
from services.complaints.mail.post import Undeliverable
from services.complaints.mail.receipt import Receipts as MailReceipts
from services.complaints.mail.servers import Away
from services.complaints.mail.taking import Taking
from services.complaints.memory import MemoryComplaints
from services.complaints.policies import load_handling
from services.complaints.receipts import Receipts
from services.complaints.schemas import MAX_COMPLAINT_TEXT, command_bodies
from services.complaints.service import KIND, ComplaintService
from services.contracts.codec import decode
from services.shared.problems import Problem
from tests.support.mails import OFFICE, PERSON, mail
from tests.support.sources import T0
from tests.support.stack import eventually
from tests.support.vault import Vault


class Box:
    """A mailbox in memory. `done` are the mails that left the INBOX, by their folder."""

    def __init__(self) -> None:
        self.inbox: dict[int, Delivered] = {}
        self.done: list[tuple[str, int]] = []
        self.away = False

    def __call__(self) -> "Box":
        return self

    def __enter__(self) -> "Box":
        if self.away:
            raise Away("imap", "no answer")
        return self

    def __exit__(self, *_: object) -> None: ...

    def add(self, *mails: bytes, cut: bool = False) -> None:
        for raw in mails:
            self.inbox[len(self.inbox) + len(self.done) + 1] = Delivered(raw, cut, False, T0)

    def waiting(self) -> list[int]:
        return sorted(self.inbox)

    def fetch(self, uid: int, most: int) -> Delivered | None:
        found = self.inbox.get(uid)
        return found and found._replace(raw=found.raw[:most])

    def mark_answered(self, uid: int) -> None:
        self.inbox[uid] = self.inbox[uid]._replace(answered=True)

    def put(self, uid: int, folder: str) -> None:
        del self.inbox[uid]
        self.done.append((folder, uid))

    def folders(self) -> list[str]:
        return [folder for folder, _ in self.done]


class PostOffice:
    """Keeps what is sent; raises `fails` instead when it is set."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []
        self.tried = 0
        self.fails: Exception | None = None

    def send(self, to: str, content: bytes) -> None:
        self.tried += 1
        if self.fails:
            raise self.fails
        self.sent.append((to, content))


class World:
    """A poller and all that it works on. `scan` may be replaced."""

    def __init__(self, folder: Any, **options: Any) -> None:
        vault = Vault(folder)
        self.box, self.post, self.cases = Box(), PostOffice(), MemoryComplaints()
        self.scan: Any = lambda _: "clean"
        receipts = Receipts(b"k" * 32)
        self.evidence = Attachments(
            MemoryEvidence(), Store(str(folder / "attachments")), b"a" * 32, lambda f: self.scan(f), lambda: T0
        )
        self.service = ComplaintService(self.cases, receipts, {}, lambda: T0, load_handling(folder))
        self.key_file = vault.settings.public_keys / "custodians.json"
        bodies = command_bodies(self.service.keep_text, IdentitySealing(receipts, self.key_file))
        taking = Taking(
            self.service, bodies[KIND.life.opening], Inbox(self.service, self.evidence, bodies), self.evidence
        )
        self.poller = MailPoller(
            self.box, self.post, MailReceipts(OFFICE, ""), taking, lambda: T0, own=OFFICE, filed="Filed",  # type: ignore[arg-type]
            poll_seconds=0.01, **options,
        )  # fmt: skip

    def turn(self) -> None:
        self.poller.turn(threading.Event())

    def filed(self) -> list[Any]:
        return [e for e in map(decode, self.cases.published) if e.type == "complaint.filed.v1"]

    def texts(self) -> list[str | None]:
        return [self.cases.text(e.data.text_ref) for e in self.filed()]

    def receipt(self, number: int = 0) -> str:
        return str(message_from_bytes(self.post.sent[number][1], policy=policy.default).get_content())  # type: ignore[attr-defined]


@pytest.fixture
def world(tmp_path: Any) -> Iterator[World]:
    return World(tmp_path)


def test_a_mail_is_filed_anonymous_on_the_log_with_its_day_and_its_sender_sealed(world: World) -> None:
    world.box.add(mail())
    world.turn()
    (event,) = world.filed()
    assert (event.data.channel, event.data.intake, event.data.agency) == ("email", {"received_on": "2026-03-02"}, None)
    assert event.data.identity_ref
    (case,) = world.cases.extras.values()
    assert "sealed" in case
    kept = repr(world.cases.published) + repr(world.cases.extras)
    assert PERSON not in kept
    assert "王某" not in kept
    assert [to for to, _ in world.post.sent] == [PERSON]
    assert world.box.folders() == ["Filed"]


def test_a_mail_without_an_address_is_filed_and_nobody_is_answered(world: World) -> None:
    world.box.add(mail(sender="nobody"))
    world.turn()
    assert len(world.filed()) == 1
    assert world.post.tried == 0
    assert world.box.folders() == ["Filed"]


def test_a_receipt_that_is_refused_is_kept_aside_and_sent_once_its_mail_is_put_back(world: World) -> None:
    world.box.add(mail())
    delivered = world.box.inbox[1]
    world.post.fails = Undeliverable("refused with 550")
    world.turn()
    world.turn()
    assert (len(world.filed()), world.post.tried) == (1, 1)
    assert world.box.folders() == ["Aside/undeliverable"]
    world.post.fails, world.box.inbox[1] = None, delivered
    world.turn()
    assert (len(world.filed()), len(world.post.sent)) == (1, 1)


def test_while_receipts_have_to_wait_all_is_filed_and_only_one_is_tried_a_turn(world: World) -> None:
    world.box.add(*(mail(message_id=f"<{n}@people.example>") for n in range(3)))
    world.post.fails = Away("smtp", "no answer")
    for turn in (1, 2):
        with pytest.raises(Away):
            world.turn()
        assert (len(world.filed()), world.post.tried, world.box.done) == (3, turn, [])
    world.post.fails = None
    world.turn()
    assert len(world.filed()) == 3
    assert len({world.receipt(n) for n in range(3)}) == 3
    assert world.box.folders() == ["Filed"] * 3


def test_what_is_answered_but_not_moved_is_moved_without_a_second_receipt(world: World) -> None:
    world.box.add(mail())
    delivered = world.box.inbox[1]
    world.turn()
    world.box.inbox[1] = delivered._replace(answered=True)
    world.turn()
    assert (len(world.filed()), len(world.post.sent)) == (1, 1)
    assert world.box.folders() == ["Filed"] * 2


def test_a_mail_answered_by_hand_before_it_was_filed_still_gets_its_receipt(world: World) -> None:
    world.box.add(mail())
    world.box.mark_answered(1)
    world.turn()
    assert (len(world.filed()), len(world.post.sent)) == (1, 1)


def test_without_custodians_a_name_waits_in_the_mailbox(world: World) -> None:
    hidden = world.key_file.with_suffix(".away")
    world.key_file.rename(hidden)
    world.box.add(mail())
    with pytest.raises(Problem):
        world.turn()
    assert (world.filed(), world.box.done) == ([], [])
    hidden.rename(world.key_file)
    world.turn()
    assert len(world.filed()) == 1


def test_without_the_scanner_a_mail_waits_and_is_one_case_once_it_is_back(world: World) -> None:
    def failing(_: Any) -> str:
        raise ScannerFailed

    world.scan = failing
    world.box.add(mail(files=(b"a text file",)))
    with pytest.raises(ScannerFailed):
        world.turn()
    assert world.box.done == []
    world.box.add(mail("no file", message_id="<second@people.example>"))
    with pytest.raises(ScannerFailed):
        world.turn()
    assert world.box.done == [("Filed", 2)], "one that waits keeps no other waiting"
    world.scan = lambda _: "clean"
    world.turn()
    event, _ = world.filed()
    assert len(world.evidence.of_case(event.subject)) == 1


def test_a_file_kept_before_a_kill_is_not_kept_twice(world: World) -> None:
    scanned = iter([True, False, True, True])

    def once(_: Any) -> str:
        if next(scanned):
            return "clean"
        raise ScannerFailed

    world.scan = once
    world.box.add(mail(files=(b"the first", b"the second")))
    with pytest.raises(ScannerFailed):
        world.turn()
    world.turn()
    (event,) = world.filed()
    assert len(world.evidence.of_case(event.subject)) == 2
    (said,) = [e for e in map(decode, world.cases.published) if e.type == "complaint.supplemented.v1"]
    assert len(said.data.evidence_refs) == 2


def test_a_long_text_is_cut_and_kept_whole_as_a_file(world: World) -> None:
    words = "长" * (MAX_COMPLAINT_TEXT + 1)
    world.box.add(mail(words))
    world.turn()
    (text,) = world.texts()
    assert text is not None
    assert len(text) == MAX_COMPLAINT_TEXT
    (kept,) = world.evidence.of_case(world.filed()[0].subject)
    assert words in b"".join(world.evidence.content(kept)).decode()


def test_more_files_than_a_case_may_have_are_counted_in_the_receipt(world: World) -> None:
    world.box.add(mail(files=tuple(f"file {n}".encode() for n in range(MAX_FILES + 3))))
    world.turn()
    assert f"随信的 {MAX_FILES} 个文件" in world.receipt()
    assert "有 3 个文件没有保存" in world.receipt()


def test_a_mail_that_is_too_long_is_filed_from_its_beginning_and_kept_aside(world: World) -> None:
    world.box.add(mail(files=(b"x" * 100_000,))[:2_000], cut=True)
    world.turn()
    assert world.texts() == ["投诉\n\n窗口要收没有公布的费用"]
    assert "只读了开头部分" in world.receipt()
    assert world.box.folders() == ["Aside/too-large"]


def test_a_receipt_lacks_no_words(world: World) -> None:
    """Each paragraph that a receipt may have, but for the address of the inbox."""
    encrypted = "-----BEGIN PGP MESSAGE-----\n"
    world.box.add(mail(encrypted, files=(b"a text file", b"\x00\x01")), cut=True)
    world.turn()
    assert "mail." not in world.receipt()
    assert "receipt." not in world.receipt()


def test_an_encrypted_mail_is_filed_and_its_sender_is_told_that_nobody_can_open_it(world: World) -> None:
    world.box.add(mail("-----BEGIN PGP MESSAGE-----\n\nhQ\n-----END PGP MESSAGE-----"))
    world.turn()
    assert "您的邮件是加密的" in world.receipt()


def test_one_mail_that_breaks_something_keeps_no_other_waiting(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    read = polling.read_letter

    def broken(raw: bytes, own: str) -> Any:
        letter = read(raw, own)
        return letter if b"good" in raw else _Broken()

    monkeypatch.setattr(polling, "read_letter", broken)
    world.box.add(mail(), mail("good"))
    world.turn()
    assert world.box.folders() == ["Aside/failed", "Filed"]


class _Broken:
    robot = sender = None


def test_a_store_that_is_away_ends_the_turn_and_nothing_goes_aside(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: Any) -> None:
        raise ServerSelectionTimeoutError

    monkeypatch.setattr(world.cases, "save", away)
    world.box.add(mail(), mail("another"))
    with pytest.raises(ServerSelectionTimeoutError):
        world.turn()
    assert world.box.done == []


def test_a_program_that_writes_again_and_again_is_slowed_down_and_nobody_else(world: World) -> None:
    robot = [
        mail(f"{n}", sender="echo@robot.example", message_id=f"<{n}@r.example>") for n in range(PER_SENDER.burst + 5)
    ]
    world.box.add(*robot, mail())
    world.turn()
    assert len(world.filed()) == PER_SENDER.burst + 1
    assert len(world.box.inbox) == 5
    world.turn()
    assert len(world.box.inbox) == 5


def test_the_poller_says_what_it_waits_for_and_recovers(world: World) -> None:
    assert world.poller.ready is not True
    stop = threading.Event()
    world.box.away = True
    thread = threading.Thread(target=world.poller.run, args=(stop,))
    thread.start()
    try:
        eventually(lambda: world.poller.ready == "waits for imap")
        world.box.away = False
        world.box.add(mail())
        eventually(lambda: world.poller.ready is True)
        eventually(lambda: world.box.folders() == ["Filed"])
    finally:
        stop.set()
        thread.join()
