"""Every route of every source, as every role: what the access table says is what is answered, exactly."""

import re
from collections.abc import Iterator

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from services.shared.access import ROLES, TABLE
from services.shared.case_api import MAX_LINES
from tests.support.sources import SOURCES, in_memory

DESCRIPTION = {"/openapi.json"}
ASSETS = "/assets/"


@pytest.fixture(params=SOURCES)
def source(request, tmp_path):
    caller, _ = in_memory(request.param, tmp_path)
    return request.param, caller


def endpoints(dependant: Dependant) -> Iterator[str]:
    """The access entries that a route is held to."""
    for dependency in dependant.dependencies:
        if name := getattr(dependency.call, "endpoint", None):
            yield name
        yield from endpoints(dependency)


def routes(caller):
    """(method, path with a made-up id, endpoint) of every route."""
    for route in caller.client.app.routes:
        if route.path in DESCRIPTION or route.path.startswith(ASSETS):
            continue
        assert isinstance(route, APIRoute), f"{route.path} is no route that the table could know"
        found = list(endpoints(route.dependant))
        assert len(found) == 1, f"{route.path} needs exactly one require(...), not {found}"
        for method in route.methods:
            yield method, re.sub(r"{\w+}", "none", route.path), found[0]


def test_every_route_has_an_entry_of_its_own_service(source):
    name, caller = source
    for _, path, endpoint in routes(caller):
        assert endpoint in TABLE
        assert endpoint in {"health", "metrics", "sign-in", "preferences"} or endpoint.startswith(f"{name}."), path


def test_every_entry_of_the_service_has_a_route(source):
    name, caller = source
    assert {entry for entry in TABLE if entry.startswith(f"{name}.")} <= {entry for _, _, entry in routes(caller)}


@pytest.mark.parametrize("role", [None, *ROLES])
def test_a_role_gets_in_where_the_table_says_and_nowhere_else(source, role):
    _, caller = source
    for method, path, endpoint in routes(caller):
        agency, group = ("tax", None) if role in ("agency", "head", "window") else (None, "g1")
        headers = caller.bearer(role, agency, group)
        answer = caller.client.request(method, path, headers=headers, content=b"{", follow_redirects=False)
        entry, page = TABLE[endpoint].roles, answer.headers.get("content-type", "").startswith("text/html")
        json = answer.json() if answer.headers.get("content-type", "").startswith("application/") else {}
        told = json.get("type", "") if isinstance(json, dict) else ""
        if (role or "citizen") in entry:
            assert answer.status_code != 401, (method, path)
            # Past the gate an importer's write without a timeline is the only one turned away for its role.
            if answer.status_code == 403:
                assert (role, answer.json()["title"]) == ("importer", "Not on the live timeline"), (method, path)
        elif role is None:
            assert answer.status_code == 401, (method, path)
            assert page or told == "urn:duban:problem:unauthenticated", (method, path)
        else:
            assert answer.status_code == 403, (method, path)
            assert page or told == "urn:duban:problem:forbidden", (method, path)


def test_a_batch_has_a_limit(source):
    _, caller = source
    line = {"source_ref": "1", "ordinal": 1, "command": "x", "occurred_at": "2015-01-01T00:00:00Z", "data": {}}
    body = {"timeline": "t", "commands": [line] * (MAX_LINES + 1)}
    assert caller.post("/v1/imports", body, "importer").status_code == 413
