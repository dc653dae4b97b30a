"""Every kind of breaking change is found and named; additions are none; `generate` refuses to write a break."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest

from services.contracts import generate
from services.contracts.compatibility import breaks
from services.contracts.envelope import EventModel
from services.contracts.json_schema import schemas
from services.contracts.limits import Limit

TYPE = "thing.happened.v1"
Amount = Annotated[int, msgspec.Meta(ge=0, le=100)]
BASE: dict[str, Any] = {"agency": str, "colour": Literal["red", "green"], "amount": Amount, "note": (str | None, None)}


class Part(EventModel):
    size: int


class NarrowPart(EventModel):
    size: int
    colour: str


def _schemas(fields: dict[str, Any]) -> dict[str, Any]:
    listed = [(name, *kind) if isinstance(kind, tuple) else (name, kind) for name, kind in fields.items()]
    model = msgspec.defstruct("ThingHappenedV1", listed, bases=(EventModel,), kw_only=True, frozen=True)
    return schemas({TYPE: model})


def _found(**changes: Any) -> list[str]:
    fields = {name: kind for name, kind in (BASE | changes).items() if kind is not None}
    return [f"{b.field} {b.what}" for b in breaks(_schemas(BASE), _schemas(fields))]


@pytest.mark.parametrize(
    ("changes", "field", "what"),
    [
        ({"agency": None}, "agency", "removed or renamed"),
        ({"agency": None, "organ": (str, "")}, "agency", "removed or renamed"),
        ({"section": str}, "section", "required now"),
        ({"note": str}, "note", "required now"),
        ({"colour": Literal["red"]}, "colour", "no longer allows the value green"),
        ({"agency": Literal["housing", "market"]}, "agency", "narrowed to the values housing, market"),
        ({"agency": int}, "agency", "changed type: string"),
        ({"amount": Annotated[str, msgspec.Meta(max_length=9)]}, "amount", "changed type: integer"),
        ({"note": (str, "")}, "note", "changed type: null"),
        ({"amount": Annotated[int, msgspec.Meta(ge=1, le=100)]}, "amount", "minimum from 0 to 1"),
        ({"amount": Annotated[int, msgspec.Meta(ge=0, le=99)]}, "amount", "maximum from 100 to 99"),
        ({"agency": Annotated[str, msgspec.Meta(max_length=8)]}, "agency", "maxLength from none to 8"),
        ({"agency": Annotated[str, msgspec.Meta(pattern="^a")]}, "agency", "pattern"),
        ({"note": (str | None, "none")}, "note", "changed its default"),
    ],
)
def test_break_is_found_and_names_the_field(changes: dict[str, Any], field: str, what: str) -> None:
    found = _found(**changes)
    assert any(line.startswith(f"{field} ") and what in line for line in found), found


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"section": (str | None, None)},
        {"colour": Literal["red", "green", "blue"]},
        {"colour": str},
        {"agency": (str, "")},
        {"agency": str | None},
        {"amount": Annotated[int, msgspec.Meta(ge=0, le=1000)]},
        {"amount": int},
        {"amount": Annotated[float, msgspec.Meta(ge=0, le=100)]},
    ],
)
def test_widening_is_no_break(changes: dict[str, Any]) -> None:
    assert _found(**changes) == []


def test_break_inside_a_nested_model_and_a_list_is_found() -> None:
    old = _schemas({"parts": list[Part], "by_name": dict[str, Part]})
    new = _schemas({"parts": list[NarrowPart], "by_name": dict[str, NarrowPart]})
    assert [b.field for b in breaks(old, new)] == ["by_name{}.colour", "parts[].colour"]


def test_optional_nested_model_keeps_its_fields() -> None:
    old, new = _schemas({"limit": (Limit | None, None)}), _schemas({"limit": (Part | None, None)})
    assert {b.field for b in breaks(old, new)} == {"limit.amount", "limit.unit", "limit.size"}


def test_removed_event_type_is_a_break() -> None:
    (found,) = breaks(_schemas(BASE), schemas({}))
    assert "thing.happened.v1 has been removed or renamed" in str(found)


def test_message_says_what_to_do() -> None:
    (found,) = breaks(_schemas(BASE), _schemas({name: kind for name, kind in BASE.items() if name != "agency"}))
    assert str(found) == (
        "thing.happened.v1: field 'agency' has been removed or renamed. "
        "Leave thing.happened.v1 as it was and put the change into a new class for thing.happened.v2"
    )


def test_generate_refuses_to_write_over_a_break(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main([], tmp_path) == 0
    committed = tmp_path / generate.SCHEMAS / "complaint.filed.v1.json"
    schema = json.loads(committed.read_bytes())
    schema["properties"]["urgency"] = {"type": "integer"}  # a field of an earlier release that the model has lost
    committed.write_text(json.dumps(schema))
    for arguments in ([], ["--check"]):
        capsys.readouterr()
        assert generate.main(arguments, tmp_path) == 2
        assert "complaint.filed.v1: field 'urgency' has been removed" in capsys.readouterr().err
    assert json.loads(committed.read_bytes()) == schema


def test_generate_writes_what_is_missing_and_check_tells_what_is_stale(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate.main(["--check"], tmp_path) == 1
    assert generate.main([], tmp_path) == 0
    assert generate.main(["--check"], tmp_path) == 0
    orphan = tmp_path / generate.EXAMPLES / "complaint.forgotten.v1.json"
    orphan.write_text("{}")
    capsys.readouterr()
    assert generate.main(["--check"], tmp_path) == 1
    assert "complaint.forgotten.v1.json" in capsys.readouterr().err
    assert generate.main([], tmp_path) == 0
    assert not orphan.exists()
