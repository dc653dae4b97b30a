"""Bad records among the facts that the second fold counts."""

import json
import random
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.topics import FACTS
from tests.fuzz.effort import effort
from tests.fuzz.spoiling import VALUES, as_bytes, spoilt
from tests.support.routing import laid_in
from tests.topology.among_good import (
    Written,
    a_store,
    cases_fold,
    filed,
    folded,
    good,
    harmless,
    laid,
    letters,
    raw,
    said,
    subjects_fold,
)


@cache
def facts() -> list[Written]:
    with a_store() as store:
        effects = folded(cases_fold(store), laid(good()))
    return [Written(e.key, e.value, tuple(e.headers)) for e in effects if (e.topic, laid_in(e)) == (FACTS, 0)]


@cache
def judged_alone() -> list[tuple[str, int, bytes, bytes]]:
    with a_store() as store:
        effects = folded(subjects_fold(store), laid(facts(), FACTS, 0))
        assert any(key != b"clock" for _, _, key, _ in said(effects))
        return said(effects)


@st.composite
def bad_facts(draw: st.DrawFn) -> Written:
    fact = draw(st.sampled_from([r.value for r in facts() if r.value is not None and r.key != b"clock"]))
    record = json.loads(fact) | {"timeline": "somewhere-else"}
    record["data"][draw(st.sampled_from(sorted(record["data"])))] = draw(VALUES)
    return Written(
        draw(st.sampled_from([None, b"k", record["subject"].encode()])),
        draw(spoilt(as_bytes(record)) | st.just(as_bytes(record))),
    )


@given(st.lists(bad_facts().filter(lambda r: harmless(r.value)), min_size=1, max_size=12), st.randoms())
@effort(12)
def test_good_facts_among_bad_ones_are_counted_as_if_they_were_alone(bad: list[Written], chance: random.Random) -> None:
    log: list[Written] = list(facts())
    for record in bad:
        log.insert(chance.randrange(len(log) + 1), record)
    with a_store() as store:
        effects = folded(subjects_fold(store), laid(log, FACTS, 0), chance.choice([1, 50, 2000]))
        assert [i for i in said(effects) if b'"timeline":"somewhere-else"' not in i[3]] == judged_alone()
        for offset, letter in letters(effects).items():
            assert raw(letter.value) == log[offset].value
            assert any(log[offset] is record for record in bad)


@pytest.mark.parametrize("value", [filed(), filed(type="alert.raised.v1")], ids=["an application", "an alert"])
def test_a_readable_event_on_the_topic_of_facts_is_a_dead_letter_or_touches_nobody(value: bytes) -> None:
    log = [Written(b"somewhere-else", value), *facts()]
    with a_store() as store:
        effects = folded(subjects_fold(store), laid(log, FACTS, 0))
        assert set(letters(effects)) <= {0}
        assert said(effects) == judged_alone()
