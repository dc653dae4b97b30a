"""Requests made from the OpenAPI documents, allowed and not allowed, by every role: no 5xx, every answer as documented.

In process, on repositories in memory. The seed is fixed; DUBAN_LONG=1 sends fifteen times as many.
"""

import json
import os
from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from duban import openapi
from services.complaints.inbox_session import INBOX_COOKIE
from services.shared import access
from services.shared.access import Principal
from services.shared.auth import create_key, load_key, mint
from services.shared.settings import Settings
from services.vault.sessions import SIGNING_FILE

EXAMPLES = 90 if "DUBAN_LONG" in os.environ else 6
SERVICES = ("complaints", "vault", "approvals", "inspections", "directives")
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
          response_schema_conformance, negative_data_rejection]  # fmt: skip
ALLOWED, NOT_ALLOWED = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
CONFIG = schemathesis.Config.from_dict({"checks": {"negative_data_rejection": {"expected-statuses": ["4XX"]}}})
SCHEMAS = {
    path.stem: schemathesis.openapi.from_dict(json.loads(text), config=CONFIG)
    for path, text in openapi.documents().items()
    if path.stem in SERVICES
}
OPERATIONS = {
    f"{name} {operation.label}": operation
    for name, schema in SCHEMAS.items()
    for operation in (found.ok() for found in schema.get_all_operations())
}
# What is not allowed can only be written where a body has a form: any text is a path or the content of a file.
CASES = [(name, ALLOWED) for name in OPERATIONS] + [
    (name, NOT_ALLOWED)
    for name, operation in OPERATIONS.items()
    if any(body.media_type == "application/json" for body in operation.body)
]
ANSWERS: Counter[int] = Counter()


class City:
    """The applications on one city's policies, tokens for every role, and cases to act on."""

    def __init__(self, settings: Settings) -> None:
        create_key(settings.signing_key_file)
        create_key(settings.vault_keys / SIGNING_FILE)
        self.apps = openapi.applications(settings)
        self._city, self._vault = load_key(settings.signing_key_file), load_key(settings.vault_keys / SIGNING_FILE)
        self.cases: list[str] = []

    def headers(self, service: str, role: str | None, case_id: str | None) -> dict[str, str]:
        """What somebody in this role sends beside the request."""
        if role is None:
            return {}
        if role == "holder":
            token = mint(Principal(case_id or "none", frozenset({role})), 3600, self._city, use="inbox")
            return {"Cookie": f"{INBOX_COOKIE}={token}", "Sec-Fetch-Site": "same-origin"}
        key = self._vault if (service, role) == ("vault", "custodian") else self._city
        token = mint(Principal(f"{role}-1", frozenset({role}), "tax", "g3"), 3600, key)
        return {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    folder = tmp_path_factory.mktemp("city")
    found = City(Settings(
        policies=openapi.ROOT / "policies", data=folder, signing_key_file=folder / "keys" / "signing.jwk",
        users_file=folder / "users.yaml", public_keys=folder / "public", vault_keys=folder / "vault",
    ))  # fmt: skip
    for name, schema in SCHEMAS.items():
        schema.app = found.apps[name]  # in process: nothing is sent anywhere
    return found


@pytest.mark.parametrize(("name", "mode"), CASES)
def test_every_answer_is_as_documented(city: City, name: str, mode: schemathesis.GenerationMode) -> None:
    operation, service = OPERATIONS[name], name.partition(" ")[0]
    endpoint = _endpoint(city.apps[service], operation)
    allowed = sorted(access.TABLE[endpoint].roles)

    @seed(20260302)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=operation.as_strategy(mode), role=st.sampled_from([*allowed * 3, None, *access.ROLES]), data=st.data())
    def send(case: schemathesis.Case, role: str | None, data: st.DataObject) -> None:
        known = data.draw(st.sampled_from(city.cases)) if city.cases and data.draw(st.booleans()) else None
        if known and "case_id" in case.path_parameters:
            case.path_parameters["case_id"] = known
        answer = case.call(headers=city.headers(service, role, known), app=city.apps[service])
        ANSWERS[answer.status_code] += 1
        case.validate_response(answer, checks=CHECKS)
        if endpoint == "complaints.file" and answer.status_code == 201:
            city.cases.append(answer.json()["case_id"])

    send()


def test_the_answers_were_of_many_kinds() -> None:
    """Behind all the others: a run in which everything is refused at the door would have shown nothing."""
    if not ANSWERS:
        pytest.skip("the requests were not sent in this run")
    print("\nanswers by status:", dict(sorted(ANSWERS.items())))
    assert {200, 201, 400, 401, 403, 404, 409, 422} <= ANSWERS.keys()


def _endpoint(app: Any, operation: Any) -> str:
    """The entry of the access table that the operation's route is held to."""
    (route,) = [r for r in app.routes if getattr(r, "path_format", None) == operation.path
                and operation.method.upper() in r.methods]  # fmt: skip
    found = [getattr(d.call, "endpoint", None) for d in route.dependant.dependencies]
    (endpoint,) = [e for e in found if e]
    return str(endpoint)
