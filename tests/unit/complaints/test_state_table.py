"""The drawing in the docs, and the table walked through the service: same request twice, order, nothing illegal."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.complaints.domain.complaint import LIFE
from services.complaints.domain.handling import Handling
from services.complaints.memory import MemoryComplaints
from services.complaints.receipts import Receipts
from services.complaints.service import ComplaintService
from services.contracts import complaints as c
from services.contracts.codec import decode
from services.contracts.lifecycle import Refused
from services.shared.access import Principal, Reach
from services.shared.commands import Order
from tests.support import drawing
from tests.support.sources import T0
from tests.unit.test_source_lives import DATA

CITY = Reach(city=True)
ACTORS = [Principal(name, frozenset()) for name in ("clerk-1", "office-1", "office-2", "tax-1")]


@pytest.mark.parametrize("document", drawing.DRAWINGS)
def test_the_documents_drawing_is_the_table(document):
    assert drawing.drawn(document) == drawing.DRAWINGS[document](), "run python -m tests.support.drawing"


def service():
    cases = MemoryComplaints()
    now = [T0]

    def clock():
        now[0] += timedelta(minutes=1)
        return now[0]

    return ComplaintService(cases, Receipts(b"k" * 32), {}, clock, Handling(severities={"extortion": "red"})), cases


def name_of(data):
    return next(name for name, model in LIFE.models.items() if type(data) is model)


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_a_walk_through_the_service_keeps_the_table_the_order_and_says_everything_once(data):
    complaints, cases = service()
    opened, _ = complaints.execute(
        Order(name="file", data=c.ComplaintFiledV1(channel="website", offence="extortion"), actor=ACTORS[0], reach=CITY)
    )
    case_id, status, count = opened.case_id, "filed", 1
    for step in range(data.draw(st.integers(1, 30))):
        allowed = [d for d in DATA["complaint"] if name_of(d) in LIFE.table[status]]
        chosen = data.draw(st.sampled_from(allowed if allowed and data.draw(st.booleans()) else DATA["complaint"][1:]))
        order = Order(
            name=name_of(chosen), data=chosen, actor=data.draw(st.sampled_from(ACTORS)), reach=CITY, case_id=case_id,
            key=f"key-{step}",
        )  # fmt: skip
        before = cases.load(case_id)
        try:
            first, repeated = complaints.execute(order)
        except Refused:
            assert cases.load(case_id) == before
            continue
        assert not repeated
        assert first.status in LIFE.table[status][order.name]
        assert complaints.execute(order) == (first, True)
        status, count = first.status, count + 1
    events = [decode(body) for body in cases.published]
    assert [event.sequence for event in events] == list(range(1, count + 1))
    assert [event.time for event in events] == sorted(event.time for event in events)
    assert cases.load(case_id).case.status == status
