"""Receipt codes: what the check part catches, how they are read, what is kept of them, and how guessing is limited."""

import math
import stat
import statistics
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.complaints.domain.receipt_code import DIGITS, LENGTH, grouped, holds, plain, with_check
from services.complaints.receipts import Receipts, secret_key
from services.shared.guessing import ADDRESSES_KEPT, Guessing, Limit, network
from tests.support.sources import complaints_in_memory

codes = st.integers(0, 10**DIGITS - 1).map(lambda n: with_check(f"{n:0{DIGITS}d}"))


def test_a_code_has_fifty_three_bits() -> None:
    assert math.log2(10**DIGITS) > 53


@given(codes)
def test_a_code_holds_and_is_read_back_as_it_is_written(code: str) -> None:
    assert len(code) == LENGTH
    assert holds(code)
    assert plain(grouped(code)) == code
    assert [len(group) for group in grouped(code).split()] == [4, 4, 4, 4, 2]


@given(codes, st.integers(0, LENGTH - 1), st.integers(1, 9))
def test_every_single_wrong_digit_is_caught(code: str, at: int, more: int) -> None:
    wrong = str((int(code[at]) + more) % 10)
    assert not holds(code[:at] + wrong + code[at + 1 :])


@given(codes, st.integers(0, LENGTH - 1), st.integers(0, LENGTH - 1))
def test_every_swap_of_two_digits_is_caught(code: str, one: int, other: int) -> None:
    digits = list(code)
    digits[one], digits[other] = digits[other], digits[one]
    assert holds("".join(digits)) == (digits == list(code))


@given(codes, st.integers(0, LENGTH - 1))
def test_a_digit_left_out_is_caught(code: str, at: int) -> None:
    assert not holds(code[:at] + code[at + 1 :])


@pytest.mark.parametrize(
    "typed", ["1234 5678-9012 3456 02", "１２３４ ５６７８９０１２３４５６　０２", " 123456789012345602\n"]
)
def test_spaces_hyphens_and_full_width_digits_do_not_matter(typed: str) -> None:
    assert plain(typed) == "123456789012345602"


def test_the_same_key_gives_the_same_code_and_no_key_a_new_one() -> None:
    receipts = Receipts(b"p" * 32)
    assert receipts.code("anonymous", "k") == receipts.code("anonymous", "k")
    others = {receipts.code("anonymous", "l"), receipts.code("clerk", "k"), Receipts(b"q" * 32).code("anonymous", "k")}
    assert len(others | {receipts.code("anonymous", "k")}) == 4
    assert receipts.code("anonymous", None) != receipts.code("anonymous", None)


def test_codes_are_spread_over_all_digits() -> None:
    receipts = Receipts(b"p" * 32)
    seen = [receipts.code("a", None)[:DIGITS] for _ in range(2000)]
    for place in range(DIGITS):
        counts = [sum(code[place] == str(digit) for code in seen) for digit in range(10)]
        assert sum((n - 200) ** 2 / 200 for n in counts) < 45, (place, counts)  # chi squared, 9 degrees: 1 in a million


def test_what_is_kept_depends_on_the_pepper_and_tells_no_digit() -> None:
    code = with_check("1234567890123456")
    index = Receipts(b"p" * 32).index(code)
    assert index == Receipts(b"p" * 32).index(code)
    assert index != Receipts(b"q" * 32).index(code)
    assert len(index) == 64
    assert code[:8] not in index


def test_the_pepper_is_made_once_and_nobody_else_can_read_it(tmp_path) -> None:
    path = tmp_path / "keys" / "receipts.key"
    assert secret_key(path) == secret_key(path)
    assert len(path.read_bytes()) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


class Seconds:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_address_has_its_burst_and_then_one_attempt_at_a_time() -> None:
    clock = Seconds()
    guessing = Guessing(clock, Limit(3, 10.0), Limit(100, 0.1))
    assert [guessing.attempt("192.0.2.1") for _ in range(4)] == [0, 0, 0, 10]
    assert guessing.attempt("192.0.2.2") == 0
    clock.now = 9.5
    assert guessing.attempt("192.0.2.1") == 1
    clock.now = 10.0
    assert [guessing.attempt("192.0.2.1") for _ in range(2)] == [0, 10]
    clock.now = 10_000.0
    assert [guessing.attempt("192.0.2.1") for _ in range(4)] == [0, 0, 0, 10]


def test_many_addresses_together_meet_the_limit_in_all() -> None:
    guessing = Guessing(Seconds(), Limit(3, 10.0), Limit(50, 2.0))
    assert [guessing.attempt(f"192.0.2.{n}") for n in range(50)] == [0] * 50
    assert guessing.attempt("198.51.100.1") == 2


def test_a_right_code_costs_nothing() -> None:
    guessing = Guessing(Seconds(), Limit(2, 10.0), Limit(2, 10.0))
    for _ in range(50):
        assert guessing.attempt("192.0.2.1") == 0
        guessing.was_right("192.0.2.1")


def test_the_addresses_of_one_customer_are_one_and_their_number_is_bounded() -> None:
    assert network("2001:db8:1:2::7") == network("2001:db8:1:2:ffff::") != network("2001:db8:1:3::7")
    assert network("testclient") == "testclient"
    guessing = Guessing(Seconds(), Limit(1, 10.0), Limit(10**9, 1e-9))
    for n in range(ADDRESSES_KEPT + 10):
        guessing.attempt(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}")
    assert len(guessing._addresses) == ADDRESSES_KEPT


@pytest.fixture
def api(tmp_path):
    return complaints_in_memory(tmp_path)[0]


def open_inbox(api, code):
    return api.post("/v1/inbox/session", {"code": code})


WRONG = ["1234567890123457", with_check("0" * DIGITS), "0" * LENGTH, "abc", "", "1234 5678 9012 3456 03", "x" * 5000]


def test_every_wrong_code_is_answered_alike(api) -> None:
    answers = [open_inbox(api, code) for code in WRONG]
    assert {a.status_code for a in answers} == {404}
    assert len({a.content for a in answers}) == 1
    assert all("set-cookie" not in a.headers for a in answers)
    assert len({tuple(sorted(name for name in a.headers)) for a in answers}) == 1


def test_wrong_malformed_and_unknown_codes_take_the_same_time(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("services.complaints.api.Guessing", lambda clock, *_: Guessing(clock, Limit(10**6, 1.0)))
    monkeypatch.setattr("services.shared.guessing.IN_ALL", Limit(10**6, 1.0))
    api = complaints_in_memory(tmp_path)[0]
    kinds = {"unknown": with_check("0" * DIGITS), "check part": "0" * LENGTH, "malformed": "abc", "empty": ""}
    taken = {name: [] for name in kinds}
    for _ in range(60):
        for name, code in kinds.items():  # in turns: what else the machine does meets all of them
            begun = time.perf_counter()
            open_inbox(api, code)
            taken[name].append(time.perf_counter() - begun)
    medians = {name: statistics.median(times) for name, times in taken.items()}
    assert max(medians.values()) < 1.5 * min(medians.values()), medians


def test_whoever_guesses_too_much_is_told_when_to_come_again(api) -> None:
    answers = [open_inbox(api, f"{n:018d}") for n in range(25)]
    assert [a.status_code for a in answers[:20]] == [404] * 20
    last = answers[-1]
    assert (last.status_code, last.json()["type"]) == (429, "urn:duban:problem:too-many-guesses")
    assert 1 <= int(last.headers["retry-after"]) <= 10
    assert last.headers["content-type"] == "application/problem+json"


def test_no_code_is_in_any_log_line_or_metric(api, capsys) -> None:
    code = api.post("/v1/cases", {"channel": "website"}).json()["receipt_code"]
    open_inbox(api, code)
    open_inbox(api, code[:-1] + "0")
    open_inbox(api, {"not": "a code"})
    api.client.get(f"/v1/receipts/{code}")
    api.client.get(f"/inbox?code={code}")
    said = "".join(capsys.readouterr()) + api.get("/metrics").text
    assert 'duban_receipt_lookups_total{outcome="found"}' in said
    for part in (code, code[:DIGITS], grouped(code), code[:-1] + "0"):
        assert part not in said
