"""Requests made from the OpenAPI documents, allowed and not allowed, by every role: no 5xx, every answer as documented.

In process, on repositories in memory. The seed is fixed; DUBAN_LONG=1 sends ten times as many.
"""

import json
import os
from collections import Counter, defaultdict
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import schemathesis
from fastapi.testclient import TestClient
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
from services.contracts.identity import Identity, KeptIdentity
from services.metrics.domain.kpis import AlarmCount, CaseCount
from services.metrics.repository import Counts
from services.notifications.domain.directory import Directory
from services.notifications.memory import MemoryAlerts
from services.notifications.policies import load_directory
from services.notifications.service import Inbox
from services.shared import access
from services.shared.access import Principal
from services.shared.auth import create_key, load_key, mint
from services.shared.sealing import Custodians, seal
from services.shared.settings import Settings
from services.vault.keyring import PUBLIC_FILE
from services.vault.sessions import SIGNING_FILE
from tests.support.alerts import T0, alert, record, settled, tick

EXAMPLES = 60 if "DUBAN_LONG" in os.environ else 6
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
          response_schema_conformance, negative_data_rejection]  # fmt: skip
ALLOWED, NOT_ALLOWED = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
CONFIG = schemathesis.Config.from_dict({"checks": {"negative_data_rejection": {"expected-statuses": ["4XX"]}}})
SCHEMAS = {
    path.stem: schemathesis.openapi.from_dict(json.loads(text), config=CONFIG)
    for path, text in openapi.documents().items()
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
DONE: set[tuple[str, schemathesis.GenerationMode]] = set()


class City:
    """The applications on one city's policies, tokens for every role, and something to act on."""

    def __init__(self, settings: Settings) -> None:
        create_key(settings.signing_key_file)
        create_key(settings.vault_keys / SIGNING_FILE)
        self._alerts = MemoryAlerts()
        counted = AlarmCount(timeline="live", agency="tax", rule="overdue", severity="yellow", state="open", alarms=3)
        cases = CaseCount(
            timeline="live", kind="complaint", agency="tax", cases=4, steps={"dispatched": 3, "replied": 2}
        )
        self.apps = openapi.applications(settings, self._alerts, Counts(cases=[cases], alarms=[counted], overdue=[]))
        self._city, self._vault = load_key(settings.signing_key_file), load_key(settings.vault_keys / SIGNING_FILE)
        self._public = settings.public_keys / PUBLIC_FILE
        self.known: dict[tuple[str, str], list[str]] = defaultdict(list)  # (service, parameter) -> values that exist
        self._complaints()
        self._openings()
        self._board(load_directory(settings.policies))

    def headers(self, service: str, role: str | None, number: int = 1) -> dict[str, str]:
        """What somebody in this role sends beside the request; a holder has the code of the newest complaint."""
        if role is None:
            return {}
        if role == "holder":
            holds = Principal(self.known["complaints", "case_id"][-1], frozenset({role}))
            return {"Cookie": f"{INBOX_COOKIE}={mint(holds, 3600, self._city, use='inbox')}",
                    "Sec-Fetch-Site": "same-origin"}  # fmt: skip
        key = self._vault if (service, role) == ("vault", "custodian") else self._city
        token = mint(Principal(f"{role}-{number}", frozenset({role}), "tax", "g3"), 3600, key)
        return {"Authorization": f"Bearer {token}"}

    def _send(self, service: str, method: str, path: str, body: Any, role: str | None, number: int = 1) -> Any:
        headers = self.headers(service, role, number)
        answer = TestClient(self.apps[service]).request(method, path, json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json()

    def _complaints(self) -> None:
        """One complaint in each of the statuses on the way to an answer, a supervisor and a survey."""
        steps: list[tuple[str, dict[str, Any], str]] = [
            ("accept", {}, "clerk"), ("dispatch", {"agency": "tax"}, "clerk"), ("sign-in", {"agency": "tax"}, "agency"),
            ("conclude", {"agency": "tax", "finding": "unfounded"}, "agency"), ("reply", {}, "office"),
        ]  # fmt: skip
        for length in range(len(steps) + 1):
            body = {"channel": "website", "agency": "tax", "text": "the window closes at ten"}
            case = self._send("complaints", "POST", "/v1/cases", body, None)["case_id"]
            for command, data, role in steps[:length]:
                self._send("complaints", "POST", f"/v1/cases/{case}/{command}", data, role)
            self.known["complaints", "case_id"].append(case)
        term = {"body": "enterprise", "from_on": "2026-01-01", "to_on": "2099-12-31"}
        self._send("complaints", "POST", "/v1/supervisors/monitor-1/terms", term, "office")
        words = {"zh": "快", "en": "fast"}
        survey = {
            "campaign_id": "autumn", "title": words, "agencies": ["tax"], "opens_at": "2026-01-01T00:00:00Z",
            "questions": [{"code": "fast", "kind": "level", "words": words}], "closes_at": "2099-01-01T00:00:00Z",
        }  # fmt: skip
        self._send("complaints", "POST", "/v1/surveys", survey, "office")
        self.known["complaints", "code"], self.known["complaints", "campaign_id"] = ["monitor-1"], ["autumn"]

    def _openings(self) -> None:
        """An opening that waits for its second custodian, and one that is approved."""
        sealed = seal(Identity(name="somebody"), "identity-1", Custodians(self._public).current())
        kept = msgspec.to_builtins(KeptIdentity(case_id="case-1", sealed=sealed))
        self._send("vault", "PUT", "/v1/identities/identity-1", kept, "intake")
        why = {"case_id": "case-1", "reason": "verify_report", "text": "the report names a receipt"}
        for asks in (2, 1):
            opening = self._send("vault", "POST", "/v1/openings", why, "custodian", asks)["opening_id"]
            self.known["vault", "opening_id"].append(opening)
        self._send("vault", "POST", f"/v1/openings/{opening}/approve", None, "custodian", 2)

    def _board(self, directory: Directory) -> None:
        """Alerts of two agencies, one of them settled, of which two begin alike."""
        inbox = Inbox(self._alerts, directory, now_ms=lambda: 1_000)
        raised = [alert("a", agency="tax"), alert("b", agency="finance", severity="red"), alert("c", agency=None)]
        alike = [alert("d", alert_id=f"abcdef{n}") for n in range(2)]
        done = settled(raised[0], T0 + timedelta(days=2))
        inbox.handle([record(data, cause_ts=900) for data in (*raised, *alike, done)])
        inbox.handle([tick("complaints.v1-0", T0)])
        self.known |= {
            ("notifications", "alert_id"): [*(found.alert_id for found in raised), raised[0].alert_id[:8], "abcdef"],
            ("notifications", "agency"): ["tax", "finance"], ("notifications", "severity"): ["yellow", "red"],
            ("notifications", "state"): ["open", "settled"], ("notifications", "rule"): ["overdue"],
            ("notifications", "sort"): ["worst", "newest"], ("notifications", "timeline"): ["live"],
            ("metrics", "timeline"): ["live"],
        }  # fmt: skip


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
    roles = [*allowed * (40 // len(allowed)), None, *access.ROLES]  # more often somebody who may

    @seed(20260302)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=operation.as_strategy(mode), role=st.sampled_from(roles), data=st.data())
    def send(case: schemathesis.Case, role: str | None, data: st.DataObject) -> None:
        for named in (case.path_parameters, case.query):
            for parameter in named:
                values = city.known[service, parameter]
                if values and data.draw(st.booleans()):
                    named[parameter] = data.draw(st.sampled_from(values))
        answer = case.call(headers=city.headers(service, role), app=city.apps[service])
        ANSWERS[answer.status_code] += 1
        case.validate_response(answer, checks=CHECKS)
        if operation.path == "/v1/cases" and answer.status_code == 201:
            city.known[service, "case_id"].append(answer.json()["case_id"])

    send()
    DONE.add((name, mode))


def test_the_answers_were_of_many_kinds() -> None:
    """Behind all the others: a run in which everything is refused at the door would have shown nothing."""
    if len(DONE) < len(CASES):
        pytest.skip("not all requests were sent in this run")
    print("\nanswers by status:", dict(sorted(ANSWERS.items())))
    assert {200, 201, 400, 401, 403, 404, 409, 422} <= ANSWERS.keys()


def _endpoint(app: Any, operation: Any) -> str:
    """The entry of the access table that the operation's route is held to."""
    (route,) = [r for r in app.routes if getattr(r, "path_format", None) == operation.path
                and operation.method.upper() in r.methods]  # fmt: skip
    found = [getattr(d.call, "endpoint", None) for d in route.dependant.dependencies]
    (endpoint,) = [e for e in found if e]
    return str(endpoint)
