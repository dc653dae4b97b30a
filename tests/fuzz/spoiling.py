"""Records as nobody should write them: strategies that spoil a good record's bytes, its JSON, or its values."""

import json
import re
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from tests.fuzz.values import INSTANTS, LIMITS, NUMBERS, TEXTS, TYPES


def nested(depth: int) -> Any:
    """A list in a list in a list."""
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


VALUES: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([*INSTANTS, *TEXTS, *TYPES]),
    st.sampled_from(NUMBERS),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from([None, True, False, [], {}, [None], {"": None}, *LIMITS, nested(300)])
    .map(deepcopy),
    st.recursive(st.none() | st.text(max_size=3), lambda inner: st.lists(inner, max_size=3), max_leaves=6),
)  # fmt: skip


def as_bytes(record: Any) -> bytes:
    """JSON as a careless producer writes it: NaN and halves of surrogate pairs included."""
    return json.dumps(record, separators=(",", ":")).encode()


@st.composite
def other_values(draw: st.DrawFn, value: bytes) -> bytes:
    """One to three fields of the envelope or of the data with another value, missing, or named otherwise."""
    record = json.loads(value)
    for _ in range(draw(st.integers(1, 3))):
        place = record
        if isinstance(record.get("data"), dict) and draw(st.booleans()):
            place = record["data"]
        name = draw(st.sampled_from([*sorted(place), "limit", "due_at", "as_of", "agency", "procedure", "added"]))
        what = draw(st.sampled_from(["set", "set", "set", "drop", "rename", "inside"]))
        if what == "drop":
            place.pop(name, None)
        elif what == "rename":
            place[name + draw(st.sampled_from(["_", " ", "\0"]))] = place.pop(name, None)
        elif what == "inside" and isinstance(place.get(name), dict) and place[name]:
            place[name][draw(st.sampled_from(sorted(place[name])))] = draw(VALUES)
        else:
            place[name] = draw(VALUES)
    return as_bytes(record)


@st.composite
def other_bytes(draw: st.DrawFn, value: bytes) -> bytes:
    """The bytes cut, overwritten, doubled, in another encoding, or with what JSON parsers disagree on."""
    what = draw(st.integers(0, 8))
    at = draw(st.integers(0, len(value) - 1))
    if what == 0:
        return value[:at]
    if what == 1:
        return value[:at] + draw(st.binary(min_size=1, max_size=40)) + value[at + draw(st.integers(0, 40)) :]
    if what == 2:
        return value + draw(st.sampled_from([value, b"}", b"\0", b"\n", b" ", b"\xff"]))
    if what == 3:
        return draw(st.sampled_from([b"\xef\xbb\xbf" + value, value.decode().encode("utf-16"), b"\0\0\0\x01" + value]))
    if what == 4:  # a key twice: the last one counts
        field, again = draw(st.tuples(st.sampled_from(["id", "time", "sequence", "data", "type"]), VALUES))
        return value[:-1] + b"," + as_bytes({field: again})[1:]
    if what == 5:
        depth = draw(st.integers(1, 100_000))
        return value.replace(b'"data":', b'"deep":' + b"[" * depth + b"]" * depth + b',"data":', 1)
    if what == 6:
        number = draw(st.sampled_from([b"9" * 5000, b"-9" + b"9" * 30, b"1e999", b"NaN", b"-Infinity", b"01", b"+1"]))
        return re.sub(rb":-?\d+", b":" + number, value, count=1)
    if what == 7:
        bad = draw(st.sampled_from([b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\\ud800", b"\\x41"]))
        quotes = [found.start() for found in re.finditer(rb'"', value)]
        place = draw(st.sampled_from(quotes)) + 1
        return value[:place] + bad + value[place:]
    size = draw(st.integers(0, 400_000))
    return value.replace(b'"data":{', b'"data":{"padding":"' + b"x" * size + b'",', 1)


def spoilt(value: bytes) -> st.SearchStrategy[bytes]:
    """The good record `value`, spoilt; now and then it comes out as good as it was."""
    return st.one_of(other_values(value), other_bytes(value), st.binary(max_size=60))
