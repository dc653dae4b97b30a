"""Every route of every source, of the board and of the key figures, as every role: what the access table says is what
is answered, exactly. The vault's are in test_vault_api.py."""

import re
from collections.abc import Iterator

import anyio
import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from duban import openapi
from services.shared.access import ROLES, TABLE
from services.shared.case_api import MAX_LINES
from tests.support.sources import SOURCES, Caller, in_memory, settings_in

DESCRIPTION = {"/openapi.json"}
ASSETS = "/assets/"
# Service -> how its entries begin, where not by its name; everybody's own: health, metrics, sign-in, preferences.
READERS = {"notifications": ("board.", "alerts.", "watermarks.", "latency.", "feed."), "metrics": ("kpis.",)}
STREAMS = {"/board/stream"}  # of pages: they go on for as long as somebody looks


@pytest.fixture(params=SOURCES)
def source(request, tmp_path):
    caller, _ = in_memory(request.param, tmp_path)
    return request.param, caller


@pytest.fixture(params=[*SOURCES, *READERS])
def service(request, tmp_path):
    if request.param in SOURCES:
        caller, _ = in_memory(request.param, tmp_path)
        return request.param, caller
    settings = settings_in(tmp_path, policies=openapi.ROOT / "policies", vault_keys=tmp_path / "vault")
    return request.param, Caller(openapi.applications(settings)[request.param], settings)


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


def own(name):
    """How the entries of a service begin."""
    return READERS.get(name, (f"{name}.",))


def ask(app, method, path, headers):
    """The status that a request is answered with whose sender is gone as soon as it is sent: so a stream ends too."""
    sent, told = iter([{"type": "http.request", "body": b"{"}]), []
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
        "raw_path": path.encode(), "root_path": "", "scheme": "http", "query_string": b"", "client": ("test", 1),
        "server": ("test", 80), "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
    }  # fmt: skip

    async def receive():
        return next(sent, {"type": "http.disconnect"})

    async def send(message):
        told.append(message)

    anyio.run(app, scope, receive, send)
    return told[0]["status"]


def test_every_route_has_an_entry_of_its_own_service(service):
    name, caller = service
    for _, path, endpoint in routes(caller):
        assert endpoint in TABLE
        assert endpoint in {"health", "metrics", "sign-in", "preferences"} or endpoint.startswith(own(name)), path


def test_every_entry_of_the_service_has_a_route(service):
    name, caller = service
    assert {entry for entry in TABLE if entry.startswith(own(name))} <= {entry for _, _, entry in routes(caller)}


def test_every_entry_is_of_one_service():
    """So that the three tests here and the vault's meet every cell of the table."""
    prefixes = [prefix for name in (*SOURCES, *READERS, "vault") for prefix in own(name)]
    rest = {entry for entry in TABLE if not entry.startswith(tuple(prefixes))}
    assert rest == {"health", "metrics", "sign-in", "preferences"}


@pytest.mark.parametrize("role", [None, *ROLES])
def test_a_role_gets_in_where_the_table_says_and_nowhere_else(service, role):
    _, caller = service
    for method, path, endpoint in routes(caller):
        agency, group = ("tax", None) if role in ("agency", "head", "window") else (None, "g1")
        headers = caller.bearer(role, agency, group)
        if path in STREAMS and (role or "citizen") in TABLE[endpoint].roles:
            assert ask(caller.client.app, method, path, headers) == 200
            continue
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
