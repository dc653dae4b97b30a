"""The vault's rules and its crypto without a server: two custodians, once, in time; shredded is for ever."""

import msgspec
import pytest

from services.contracts.identity import Identity, KeptIdentity
from services.shared.sealing import Custodians, NoCustodians, seal
from services.vault.domain.opening import Refused
from services.vault.domain.policy import read_policy
from services.vault.housekeeping import DAY_SECONDS, House
from services.vault.keyring import PRIVATE_FILE, PUBLIC_FILE, Keyring, UnknownKey, Unreadable
from services.vault.service import Conflict, NotFound, Shredded
from services.vault.telemetry import OVERDUE
from tests.support.sources import T0
from tests.support.vault import POLICY, WHY, ZHANG, Vault


@pytest.fixture
def vault(tmp_path):
    return Vault(tmp_path)


def refusal(act, *arguments):
    with pytest.raises(Refused) as refused:
        act(*arguments)
    return refused.value.slug


def test_what_is_sealed_opens_with_the_custodians_key_and_with_no_other(vault, tmp_path):
    sealed = vault.sealed()
    assert vault.keyring.open(sealed) == ZHANG
    Keyring.create(tmp_path / "other", tmp_path / "other-public", vault.now)
    stranger = Keyring(tmp_path / "other", tmp_path / "other-public")
    with pytest.raises(UnknownKey):
        stranger.open(sealed)
    with pytest.raises(Unreadable):
        stranger.open(msgspec.structs.replace(sealed, key_id=stranger.current.key_id))


@pytest.mark.parametrize("part", ["box", "sealed_key"])
@pytest.mark.parametrize("change", [lambda b: b[:-1] + bytes([b[-1] ^ 1]), lambda b: b[:-1], lambda _: b""])
def test_a_changed_byte_is_noticed(vault, part, change):
    sealed = vault.sealed()
    with pytest.raises(Unreadable):
        vault.keyring.open(msgspec.structs.replace(sealed, **{part: change(getattr(sealed, part))}))


def test_a_box_put_under_another_reference_does_not_open(vault):
    other = vault.sealed("case-2", Identity(name="李四"))
    exchanged = msgspec.structs.replace(vault.sealed(), box=other.box, sealed_key=other.sealed_key)
    with pytest.raises(Unreadable):
        vault.keyring.open(exchanged)


def test_the_length_of_a_box_does_not_tell_how_much_somebody_told(vault):
    lengths = {len(vault.sealed(identity=i).box) for i in (Identity(name="王"), ZHANG, Identity(address="长" * 200))}
    assert len(lengths) == 1


def test_the_same_person_twice_leaves_nothing_in_common(vault):
    first, second = (seal(ZHANG, ref, vault.public_key) for ref in ("identity-a", "identity-b"))
    assert first.box != second.box
    assert first.sealed_key != second.sealed_key
    assert vault.keyring.open(first) == vault.keyring.open(second) == ZHANG


def test_an_identity_has_no_printable_form():
    assert "张三" not in f"{ZHANG} {ZHANG!r} {[ZHANG]}"


def test_two_custodians_open_once_and_every_step_is_on_the_trail(vault):
    vault.keep()
    opening = vault.approved()
    opened, identity = vault.service.open(opening, "custodian-1")
    assert identity == ZHANG
    assert opened.status == "opened"
    assert refusal(vault.service.open, opening, "custodian-1") == "illegal-transition"
    steps = [(e.actor, e.action, e.subject, e.reason) for e in vault.trail.kept]
    subject = f"case-1/{opening}"
    assert steps == [
        ("custodian-1", "identity.opening-requested", subject, "verify_report"),
        ("custodian-2", "identity.opening-approved", subject, "verify_report"),
        ("custodian-1", "identity.opened", subject, "verify_report"),
    ]


def test_the_second_person_is_another_one(vault):
    vault.keep()
    asked = vault.service.request("case-1", "verify_report", WHY, "custodian-1")
    assert refusal(vault.service.approve, asked.opening_id, "custodian-1") == "second-person"
    assert refusal(vault.service.deny, asked.opening_id, "custodian-1", "not_needed") == "second-person"
    assert refusal(vault.service.open, asked.opening_id, "custodian-1") == "illegal-transition"


def test_only_who_asked_reads(vault):
    vault.keep()
    assert refusal(vault.service.open, vault.approved(), "custodian-2") == "not-yours"


def test_a_denied_opening_is_over(vault):
    vault.keep()
    asked = vault.service.request("case-1", "pay_reward", WHY, "custodian-1").opening_id
    assert refusal(vault.service.deny, asked, "custodian-2", "no_mood") == "unlisted-reason"
    assert vault.service.deny(asked, "custodian-2", "not_needed").denial == "not_needed"
    assert refusal(vault.service.approve, asked, "custodian-2") == "illegal-transition"
    assert refusal(vault.service.open, asked, "custodian-1") == "illegal-transition"
    assert vault.actions()[-1] == "identity.opening-denied"


def test_requests_and_approvals_expire(vault):
    vault.keep()
    asked = vault.service.request("case-1", "verify_report", WHY, "custodian-1").opening_id
    vault.later(days=POLICY.approve_within_days)
    assert refusal(vault.service.approve, asked, "custodian-2") == "illegal-transition"
    approved = vault.approved()
    vault.later(days=POLICY.open_within_days)
    assert refusal(vault.service.open, approved, "custodian-1") == "illegal-transition"
    assert [o.status for o in vault.service.openings()] == ["expired", "expired"]


def test_a_request_needs_a_listed_reason_words_and_a_case_with_an_identity(vault):
    vault.keep()
    assert refusal(vault.service.request, "case-1", "curiosity", WHY, "custodian-1") == "unlisted-reason"
    assert refusal(vault.service.request, "case-1", "verify_report", "because", "custodian-1") == "no-text"
    with pytest.raises(NotFound):
        vault.service.request("case-2", "verify_report", WHY, "custodian-1")
    assert vault.actions() == []


def test_nothing_is_opened_that_the_trail_did_not_take(vault, monkeypatch):
    vault.keep()
    opening = vault.approved()

    def away(*_):
        raise ConnectionError

    monkeypatch.setattr(vault.trail, "append", away)
    with pytest.raises(ConnectionError):
        vault.service.open(opening, "custodian-1")
    monkeypatch.undo()
    assert vault.service.open(opening, "custodian-1")[1] == ZHANG


def test_of_two_openings_at_once_one_reads(vault, monkeypatch):
    vault.keep()
    opening = vault.approved()
    append = vault.trail.append

    def overtaken(*arguments):
        monkeypatch.undo()
        vault.service.open(opening, "custodian-1")
        return append(*arguments)

    monkeypatch.setattr(vault.trail, "append", overtaken)
    with pytest.raises(Conflict):
        vault.service.open(opening, "custodian-1")
    assert vault.actions().count("identity.opened") == 2


def test_an_identity_moved_to_another_case_in_the_store_is_not_opened(vault):
    vault.keep()
    opening = vault.approved()
    record = vault.store.records["identity-case-1"]
    vault.store.records["identity-case-1"] = msgspec.structs.replace(record, case_id="case-2")
    with pytest.raises(Unreadable):
        vault.service.request("case-2", "verify_report", WHY, "custodian-1")
    assert vault.service.open(opening, "custodian-1")[1] == ZHANG, "case-1 is the case that it came with"


@pytest.mark.parametrize(
    "forged",
    [
        {"status": "approved", "decided_by": "custodian-2", "decided_at": T0}, {"requested_by": "custodian-2"},
        {"case_id": "case-2", "identity_ref": "identity-case-2"}, {"expires_at": T0.replace(year=2030)}, {"mac": ""},
    ],
)  # fmt: skip
def test_an_opening_that_was_changed_in_the_store_is_none(vault, forged):
    vault.keep()
    vault.keep("case-2")
    asked = vault.service.request("case-1", "verify_report", WHY, "custodian-1").opening_id
    before = vault.store.opening(asked)
    vault.store.add_opening(msgspec.structs.replace(before, **forged))
    for act in (vault.service.approve, vault.service.open):
        for custodian in ("custodian-1", "custodian-2"):
            with pytest.raises(Unreadable):
                act(asked, custodian)
    vault.store.add_opening(before)
    assert vault.service.approve(asked, "custodian-2").status == "approved"


def test_shredded_is_for_ever_though_the_private_key_and_an_approval_are_there(vault):
    sealed = vault.keep()
    vault.later(days=POLICY.retention_days - 1)
    opening = vault.approved()
    assert (vault.service.due().due, vault.service.shred(10, "operator-1")) == (0, 0)
    vault.later(hours=23, minutes=59)
    opening = vault.approved()
    vault.later(minutes=2)
    assert vault.service.due().due == 1
    assert vault.service.shred(10, "operator-1") == 1
    with pytest.raises(Shredded):
        vault.service.open(opening, "custodian-1")
    with pytest.raises(Shredded):
        vault.service.request("case-1", "verify_report", WHY, "custodian-1")
    assert vault.store.records["identity-case-1"].sealed is None
    again = vault.service.keep(KeptIdentity(case_id="case-1", sealed=sealed))
    assert not again, "an intake that repeats itself must not bring it back"
    assert vault.store.records["identity-case-1"].sealed is None
    assert [(e.actor, e.action) for e in vault.trail.kept[-1:]] == [("operator-1", "identity.shredded")]
    assert vault.service.due().due == 0


class Clock:
    """A monotonic clock that tests move on."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


def readable(vault):
    return sorted(ref for ref, record in vault.store.records.items() if record.sealed)


def test_the_vault_shreds_by_itself_when_it_starts_and_once_a_day(vault):
    clock = Clock()
    vault.keep("case-1")
    vault.later(hours=1)
    vault.keep("case-2")
    vault.later(days=1)
    vault.keep("case-3")
    vault.later(days=POLICY.retention_days - 1, seconds=-1)
    house = House(vault.service, clock)
    house.turn()
    assert readable(vault) == ["identity-case-2", "identity-case-3"]
    vault.later(hours=2)
    clock.seconds = DAY_SECONDS - 1
    house.turn()
    assert readable(vault) == ["identity-case-2", "identity-case-3"], "it has been a day's work already"
    clock.seconds = DAY_SECONDS
    house.turn()
    assert readable(vault) == ["identity-case-3"]
    assert [(e.actor, e.action, e.subject, e.reason) for e in vault.trail.kept] == [
        ("vault", "identity.shredded", "identity-case-1", "retention"),
        ("vault", "identity.shredded", "identity-case-2", "retention"),
    ]


def test_more_than_a_batch_is_shredded_in_one_round(vault, monkeypatch):
    monkeypatch.setattr("services.vault.housekeeping.BATCH", 2)
    for number in range(5):
        vault.keep(f"case-{number}")
    vault.later(days=POLICY.retention_days + 1)
    House(vault.service).turn()
    assert readable(vault) == []


def test_what_the_trail_does_not_take_is_not_shredded_but_tried_again(vault, monkeypatch):
    vault.keep("case-1")
    vault.later(days=POLICY.retention_days + 1)
    house = House(vault.service, Clock())

    def away(*_):
        raise ConnectionError

    monkeypatch.setattr(vault.trail, "append", away)
    house.turn()
    assert readable(vault) == ["identity-case-1"]
    assert OVERDUE._value.get() == 1, "what waits is counted all the same"
    monkeypatch.undo()
    house.turn()
    assert readable(vault) == []


def test_of_two_clocks_one_that_runs_ahead_destroys_nothing(vault):
    vault.keep("case-1")
    vault.store.time = vault.now
    vault.later(days=POLICY.retention_days + 1)
    House(vault.service).turn()
    assert vault.service.shred(10, "operator-1") == 0
    assert readable(vault) == ["identity-case-1"]
    vault.store.time = vault.now
    House(vault.service).turn()
    assert readable(vault) == []


def test_after_a_rotation_old_and_new_open_and_the_old_key_is_destroyed_in_time(vault):
    sealed = vault.keep()
    old = vault.keyring.current.key_id
    new = vault.service.rotate("custodian-1")
    assert vault.public_key.key_id == new != old
    vault.keep("case-2")
    waited = vault.sealed("case-3")
    House(vault.service).turn()
    assert {r.sealed.key_id for r in vault.store.records.values()} == {new}
    assert vault.service.open(vault.approved(), "custodian-1")[1] == ZHANG
    vault.later(days=POLICY.old_keys_days - 1)
    House(vault.service).turn()
    assert [key.key_id for key in vault.keyring.replaced] == [old]
    vault.later(days=1)
    House(vault.service).turn()
    assert vault.keyring.replaced == []
    assert old not in (vault.settings.vault_keys / PRIVATE_FILE).read_text()
    with pytest.raises(UnknownKey):
        vault.keyring.open(sealed)  # what a backup of before the rotation holds
    assert vault.keyring.open(waited) == ZHANG
    assert vault.actions()[0] == "custodians-key.replaced"
    assert vault.actions()[-1] == "custodians-key.destroyed"


def test_a_key_that_something_is_sealed_to_is_not_destroyed(vault):
    old_key = vault.public_key
    vault.service.rotate("custodian-1")
    late = seal(ZHANG, "identity-late", old_key)
    vault.service.keep(KeptIdentity(case_id="late", sealed=late))
    vault.later(days=POLICY.old_keys_days)
    assert vault.service.destroy_old_keys() == []
    House(vault.service).turn()
    assert vault.keyring.replaced == []
    assert vault.service.open(vault.approved("late"), "custodian-1")[1] == ZHANG


def test_a_data_key_shredded_while_it_is_sealed_anew_stays_shredded(vault):
    sealed = vault.keep()
    vault.service.rotate("custodian-1")
    after = vault.keyring.rewrap(sealed)
    vault.store.shred("identity-case-1", vault.now)
    vault.store.rewrap(sealed, after)
    assert vault.store.records["identity-case-1"].sealed is None


def test_keys_are_private_and_a_restart_has_the_same_ring(vault):
    assert (vault.settings.vault_keys / PRIVATE_FILE).stat().st_mode & 0o777 == 0o600
    assert vault.settings.vault_keys.stat().st_mode & 0o777 == 0o700
    vault.service.rotate("custodian-1")
    (vault.settings.public_keys / PUBLIC_FILE).unlink()  # killed before the public half was written
    again = Keyring(vault.settings.vault_keys, vault.settings.public_keys)
    assert again.current == vault.keyring.current
    assert vault.public_key.key_id == again.current.key_id
    assert repr(again.current.private) not in (vault.settings.public_keys / PUBLIC_FILE).read_text()


def test_without_custodians_nothing_is_sealed(tmp_path):
    with pytest.raises(NoCustodians):
        Custodians(tmp_path / PUBLIC_FILE).current()
    (tmp_path / PUBLIC_FILE).write_text("{}")
    with pytest.raises(NoCustodians):
        Custodians(tmp_path / PUBLIC_FILE).current()


def test_a_policy_without_words_or_days_is_refused():
    plain = msgspec.to_builtins(POLICY)
    for change in ({"retention_days": 0}, {"reasons": {"x": {"zh": "某"}}}, {"version": None}, {"more": 1}):
        with pytest.raises(ValueError, match=r"vault\.yaml"):
            read_policy(plain | change)
