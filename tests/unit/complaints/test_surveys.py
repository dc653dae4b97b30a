"""Surveys as rules: what is an answer, when it is taken, and what is shown of few and of many."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from services.complaints.surveys.domain.campaign import Answer, Campaign, Question, Refused, Wording, checked
from services.complaints.surveys.domain.policy import SurveyPolicy
from services.complaints.surveys.domain.results import Tally, results, wilson
from services.complaints.surveys.repository import Link, MemorySurveys

T0 = datetime(2026, 3, 2, 1, tzinfo=UTC)
WORDS = Wording(zh="问", en="q")
POLICY = SurveyPolicy(version="1", minimum_group=5)


def campaign(**changes):
    fields = {
        "campaign_id": "spring", "title": WORDS, "agencies": ("tax",),
        "questions": (
            Question(code="speed", kind="level", words=WORDS), Question(code="fees", kind="level", words=WORDS),
            Question(code="more", kind="text", words=WORDS),
        ),
        "opens_at": T0, "closes_at": T0 + timedelta(days=30),
    }  # fmt: skip
    return Campaign(**(fields | changes))


def tally(counts, texts=(), issued=10):
    return Tally(agency="tax", issued=issued, counts={"speed": counts}, texts={"more": list(texts)})


def test_fewer_answers_than_the_minimum_group_show_nothing_not_even_how_many():
    found = results(campaign(), tally({5: 4}, ["好"] * 4), POLICY)
    shown = msgspec.to_builtins(found)
    assert shown["levels"][0] == {"question": "speed", "answers": None, "counts": None, "satisfied": None}
    assert shown["texts"] == [{"question": "more", "texts": None}]


def test_from_the_minimum_group_on_counts_and_their_uncertainty_are_shown():
    speed = results(campaign(), tally({5: 3, 4: 1, 1: 1}), POLICY).levels[0]
    assert (speed.answers, speed.counts) == (5, {5: 3, 4: 1, 3: 0, 2: 0, 1: 1})
    assert speed.satisfied.value == pytest.approx(0.8)


def test_each_question_is_counted_for_itself():
    fees = results(campaign(), tally({5: 9}), POLICY).levels[1]
    assert fees.answers is None


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)],
)
def test_wilson_intervals_of_the_literature(successes, trials, low, high):
    found = wilson(successes, trials)
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_words_are_shown_in_an_order_that_says_nothing():
    found = results(campaign(), tally({5: 9}, ["e", "c", "a", "d", "b"]), POLICY)
    assert found.texts[0].texts == ["a", "b", "c", "d", "e"]


def test_an_answer_before_after_and_to_what_was_not_asked_is_refused():
    answer = Answer(levels={"speed": 5})
    assert checked(campaign(), answer, T0) == answer
    for now in (T0 - timedelta(seconds=1), T0 + timedelta(days=30)):
        with pytest.raises(Refused, match="this survey is"):
            checked(campaign(), answer, now)
    with pytest.raises(Refused, match="no such question"):
        checked(campaign(), Answer(levels={"more": 5}), T0)
    with pytest.raises(Refused, match="at least one"):
        checked(campaign(), Answer(texts={"more": "  "}), T0)
    with pytest.raises(Refused, match="at most"):
        checked(campaign(), Answer(texts={"more": "长" * 501}), T0)


@pytest.mark.parametrize(
    "changes",
    [
        {"agencies": ()},
        {"agencies": ("tax", "tax")},
        {"questions": ()},
        {"questions": (Question(code="more", kind="text", words=WORDS),)},
        {"closes_at": T0},
    ],
)
def test_what_makes_no_survey(changes):
    with pytest.raises(ValueError, match=r"agencies|questions|closes_at"):
        campaign(**changes)


def test_a_link_is_good_once_and_nothing_joins_it_to_its_answer():
    store = MemorySurveys()
    link = Link("spring", "tax")
    assert store.issue(link, ["h1", "h2"])
    assert store.accept("h1", Answer(levels={"speed": 2}, texts={"more": "慢"}))
    assert not store.accept("h1", Answer(levels={"speed": 5}))
    assert store.link("h1") is None
    assert store.link("h2") == link
    assert store.sheets[link] == {
        "agency": "tax", "issued": 2, "open": ["h2"], "counts": {"speed": {"2": 1}}, "texts": {"more": ["慢"]},
    }  # fmt: skip
