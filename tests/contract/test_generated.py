"""The committed schemas, examples and AsyncAPI document are what the models say, and they hold together."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

from services.contracts import codec, generate
from services.contracts.json_schema import ENVELOPE, schemas
from services.contracts.registry import MODELS
from services.contracts.topics import TOPICS

EXAMPLES = sorted((generate.ROOT / generate.EXAMPLES).glob("*.json"))


def _validator(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())


def test_committed_files_equal_what_the_models_generate() -> None:
    assert generate.stale(generate.ROOT) == [], "run python -m services.contracts.generate and commit"


def test_models_break_no_committed_schema() -> None:
    found = generate.breaking(generate.ROOT)
    assert not found, "\n".join(map(str, found))


def test_every_event_type_has_a_schema_and_an_example() -> None:
    assert {path.stem for path in EXAMPLES} == MODELS.keys()
    assert schemas().keys() == MODELS.keys() | {ENVELOPE}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_validates_and_survives_the_codec(path: Path) -> None:
    record = json.loads(path.read_bytes())
    known = schemas()
    _validator(known[ENVELOPE]).validate(record)
    _validator(known[record["type"]]).validate(record["data"])
    event = codec.decode(path.read_bytes())
    again = codec.encode(
        event.data, id=event.id, source=event.source, subject=event.subject, time=event.time, sequence=event.sequence,
        timeline=event.timeline,
    )  # fmt: skip
    assert json.loads(again) == record


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_unknown_fields_are_allowed_and_ignored(path: Path) -> None:
    record = json.loads(path.read_bytes())
    known = codec.decode(json.dumps(record).encode())
    record["traceparent"] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    record["data"]["added_later"] = {"by": "a newer producer"}
    _validator(schemas()[ENVELOPE]).validate(record)
    _validator(schemas()[record["type"]]).validate(record["data"])
    assert codec.decode(json.dumps(record).encode()) == known


def test_data_without_a_required_field_is_refused_by_schema_and_codec() -> None:
    record = json.loads((generate.ROOT / generate.EXAMPLES / "complaint.filed.v1.json").read_bytes())
    del record["data"]["channel"]
    with pytest.raises(jsonschema.ValidationError, match="channel"):
        _validator(schemas()["complaint.filed.v1"]).validate(record["data"])
    with pytest.raises(codec.Undecodable, match="channel"):
        codec.decode(json.dumps(record).encode())


@pytest.mark.parametrize("field", ["time", "due_at"])
def test_instant_without_an_offset_is_refused_by_the_codec(field: str) -> None:
    record = json.loads((generate.ROOT / generate.EXAMPLES / "complaint.dispatched.v1.json").read_bytes())
    (record if field == "time" else record["data"])[field] = "2026-03-03T09:00:00"
    with pytest.raises(codec.Undecodable, match=f"timezone.*{field}"):
        codec.decode(json.dumps(record).encode())


def _asyncapi() -> dict[str, Any]:
    return generate.asyncapi.document(generate.VERSION, "../services/contracts/schemas")


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [ref for value in node.values() for ref in _references(value)]
    return [ref for value in node for ref in _references(value)] if isinstance(node, list) else []


def test_asyncapi_references_resolve() -> None:
    base = (generate.ROOT / generate.ASYNCAPI).as_uri()
    resource = Resource.opaque(_asyncapi())
    registry: Registry[Any] = Registry().with_resource(base, resource)
    for path in (generate.ROOT / generate.SCHEMAS).glob("*.json"):
        schema = json.loads(path.read_bytes())
        registry = registry.with_resource(path.as_uri(), Resource.from_contents(schema))
    references = _references(_asyncapi())
    assert references
    for reference in references:
        registry.resolver(base).lookup(reference)


def test_asyncapi_names_every_topic_with_key_partitions_retention_and_both_ends() -> None:
    document = _asyncapi()
    assert document["channels"].keys() == {topic.name for topic in TOPICS}
    for topic in TOPICS:
        channel = document["channels"][topic.name]
        assert channel["bindings"]["kafka"]["partitions"] == topic.partitions
        assert channel["bindings"]["kafka"]["topicConfiguration"]["retention.ms"] == topic.retention_ms
        assert channel["x-key"] == topic.key
        ends = {op["action"] for op in document["operations"].values() if op["channel"]["$ref"].endswith(topic.name)}
        assert ends == {"send", "receive"}


def test_asyncapi_message_accepts_the_example_of_its_type_only() -> None:
    message = _asyncapi()["components"]["messages"]["complaint.filed.v1"]
    schema = message["payload"]["schema"] | {"$id": (generate.ROOT / generate.ASYNCAPI).as_uri()}
    registry: Registry[Any] = Registry().with_resources(
        (path.as_uri(), Resource.from_contents(json.loads(path.read_bytes())))
        for path in (generate.ROOT / generate.SCHEMAS).glob("*.json")
    )
    accepts = jsonschema.Draft202012Validator(schema, registry=registry).is_valid
    assert [path.stem for path in EXAMPLES if accepts(json.loads(path.read_bytes()))] == ["complaint.filed.v1"]
