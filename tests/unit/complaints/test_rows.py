"""Tables of complaints: every row is a filing or says what is wrong, and the same row is the same filing for ever."""

import pytest

from services.complaints.domain.rows import BadRow, Filing, read_rows

COMMON = {"box": "box-3", "opened_at": "2026-03-08T09:00:00+08:00", "openers": "office-1, g2-2", "batch": "b-8"}


def read(*rows, channel="supervision_box", common=COMMON):
    return list(read_rows(channel, enumerate(rows, start=2), common))


def test_a_row_is_a_filing_with_the_fields_that_hold_for_all():
    (filing,) = read({"ref": "1", "agency": "tax", "offence": "delay", "text": " 拖了半年 ", "place": ""})
    assert filing.body == {
        "channel": "supervision_box", "agency": "tax", "offence": "delay", "text": "拖了半年",
        "intake": {"box": "box-3", "opened_at": COMMON["opened_at"], "openers": ["office-1", "g2-2"], "batch": "b-8"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"agency": "tax"}, "neither text nor offence"),
        ({"offence": "rudeness"}, "offence"),
        ({"text": "x", "openers": "office-1"}, "two different people"),
        ({"text": "x", "box": "箱子"}, "box"),
        ({"text": "x", "place": "13812345678"}, "place: telephone"),
        ({"text": "x", None: ["y"]}, "more cells than columns"),
        ({"text": "x", "colour": "red"}, "no column colour"),
    ],
)
def test_a_bad_row_is_told_with_its_reason_and_the_others_go_on(row, reason):
    bad, good = read(row, {"text": "y"})
    assert isinstance(bad, BadRow)
    assert bad.line == 2
    assert reason in bad.reason
    assert isinstance(good, Filing)


def test_yes_and_no_are_read_and_anything_else_is_told():
    one, other, bad = read(
        {"text": "x", "signed": "是"}, {"text": "x", "signed": "no"}, {"text": "x", "signed": "perhaps"},
        channel="letter", common={},
    )  # fmt: skip
    assert (one.body["intake"], other.body["intake"]) == ({"signed": True}, {"signed": False})
    assert "yes or no" in bad.reason


def test_the_same_row_has_the_same_key_and_equal_rows_are_told_apart():
    rows = {"text": "x"}, {"text": "x"}, {"ref": "7", "text": "x"}
    keys = [filing.key for filing in read(*rows)]
    assert len(set(keys)) == 3
    assert [filing.key for filing in read(*rows)] == keys
    assert read({"ref": "7", "text": "y"})[0].key == keys[2], "a row that was changed is known by its ref"
    assert read({"ref": "7", "text": "x"}, common=COMMON | {"batch": "b-9"})[0].key != keys[2]


def test_a_ref_that_comes_twice_in_one_file_is_a_bad_row():
    _, bad = read({"ref": "7", "text": "x"}, {"ref": "7", "text": "y"})
    assert bad == BadRow(line=3, reason="ref 7 stands in an earlier row of this file", ref="7")
