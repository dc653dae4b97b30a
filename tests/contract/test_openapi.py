"""The committed OpenAPI documents are what the applications say; their references resolve; none is missing."""

import json
from typing import Any

import pytest
from referencing import Registry, Resource

from duban import openapi

DOCUMENTS = {path.stem: json.loads(text) for path, text in openapi.documents().items()}


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [ref for value in node.values() for ref in _references(value)]
    return [ref for value in node for ref in _references(value)] if isinstance(node, list) else []


def test_committed_documents_equal_what_the_applications_say() -> None:
    assert openapi.stale() == [], "run python -m duban.openapi and commit"


@pytest.mark.parametrize("service", DOCUMENTS)
def test_references_resolve(service: str) -> None:
    registry: Registry[Any] = Registry().with_resource("urn:document", Resource.opaque(DOCUMENTS[service]))
    for reference in _references(DOCUMENTS[service]):
        registry.resolver("urn:document").lookup(reference)


@pytest.mark.parametrize("service", DOCUMENTS)
def test_every_path_is_versioned_or_an_operation_of_the_process(service: str) -> None:
    paths = [path for path in DOCUMENTS[service]["paths"] if not path.startswith("/v1/")]
    assert {path.split("/")[1] for path in paths} <= {"health", "metrics", "feed"}


def test_every_service_with_an_application_is_described() -> None:
    roots = (openapi.ROOT / "services").glob("*/main.py")
    assert {path.parent.name for path in roots if "def create_app" in path.read_text("utf-8")} == DOCUMENTS.keys()
