"""Files and shows service requests: who may, how many, what of them is public. Free of HTTP."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.complaints.domain.receipt_code import grouped
from services.complaints.open311.keys import Keys
from services.complaints.open311.mapping import (
    MOST_REQUESTS,
    Wrong,
    filing,
    names,
    period,
    request,
    statuses,
)
from services.complaints.open311.policy import Policy
from services.complaints.repository import ComplaintRepository, Reported
from services.complaints.service import ComplaintService
from services.contracts.codec import encode_json
from services.contracts.identifiers import name_of, new_id
from services.contracts.instants import to_micros
from services.shared.access import Principal, reach
from services.shared.bodies import Body
from services.shared.commands import Order
from services.shared.guessing import Guessing, Limit

MOST_IDS = 100
FILINGS_PER_APPLICATION, FILINGS_IN_ALL = Limit(burst=100, every=1.0), Limit(burst=500, every=0.2)
FILE = "complaints.open311.file"


class TooMany(Exception):
    """Nothing was done: come again after `seconds`."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many requests: come again after {seconds} seconds")
        self.seconds = seconds


class Reports:
    """Service requests. `filings` limits each application, `guesses` each address that sends keys that are none."""

    def __init__(
        self, service: ComplaintService, complaints: ComplaintRepository, body: Body[Any], policy: Policy, keys: Keys,
        filings: Guessing, guesses: Guessing,
    ) -> None:  # fmt: skip
        self._service, self._complaints, self._body = service, complaints, body
        self._policy, self._keys, self._filings, self._guesses = policy, keys, filings, guesses

    def file(self, fields: Mapping[str, str], address: str, key: str | None, language: str) -> list[dict[str, Any]]:
        """POST requests. `key` is an Idempotency-Key, `address` whoever sends. Raises Wrong, TooMany, Problem, or what
        a command raises."""
        application = self._application(fields.get("api_key", ""), address)
        _let(self._filings, application)
        wanted = filing(self._policy, fields)
        account = Principal(f"open311-{application}", frozenset({"citizen", "application"}))
        name = name_of("request", account.subject, key) if key else new_id()
        data, beside = self._body.take(encode_json(wanted.body), name)
        order = Order(
            name=self._service.kind.life.opening, data=data, actor=account, reach=reach(FILE, account), key=key,
            beside=beside | {"open311": wanted.beside},
        )  # fmt: skip
        answer, _ = self._service.execute(order)
        notice = _notice(answer.receipt_code or "", language)
        return [{"service_request_id": answer.case_id, "service_notice": notice, "account_id": ""}]

    def find(self, asked: Mapping[str, str], now: datetime, language: str) -> list[dict[str, Any]]:
        """GET requests: those that are named, else those of public services. Raises Wrong."""
        ids = names(asked.get("service_request_id", ""))
        if len(ids) > MOST_IDS:
            raise Wrong(400, f"service_request_id: {MOST_IDS} at once are the most")
        if ids:
            return self._shown(self._complaints.reported(ids), language)
        public, named = self._policy.public(), names(asked.get("service_code", ""))
        codes = [code for code in public if not named or code in named]
        first, last = period(asked.get("start_date", ""), asked.get("end_date", ""), now)
        wanted = statuses(names(asked.get("status", "")))
        found = self._complaints.reported_in(codes, wanted, to_micros(first), to_micros(last), MOST_REQUESTS)
        return self._shown(found, language)

    def one(self, request_id: str, language: str) -> dict[str, Any]:
        """GET one request. Raises Wrong for what did not come through Open311."""
        found = self._shown(self._complaints.reported([request_id]), language)
        if not found:
            raise Wrong(404, "service_request_id was not found")
        return found[0]

    def _application(self, key: str, address: str) -> str:
        application = self._keys.holder(key)
        if application is None:
            _let(self._guesses, address)
            what = "Invalid" if key else "No"
            raise Wrong(403, f"{what} api_key received: the city's office gives them to applications")
        return application

    def _shown(self, found: list[Reported], language: str) -> list[dict[str, Any]]:
        public = set(self._policy.public())
        open_refs = [r.case.text_ref for r in found if r.case.text_ref and r.kept["service_code"] in public]
        texts = self._complaints.texts(open_refs) if open_refs else {}
        return [request(r.case, r.kept, self._policy, texts.get(r.case.text_ref or ""), language) for r in found]


def _let(limits: Guessing, name: str) -> None:
    if seconds := limits.attempt(name):
        raise TooMany(seconds)


def _notice(code: str, language: str) -> str:
    if language == "en":
        return f"Receipt code {grouped(code)}. Keep it: it alone opens the anonymous inbox of this complaint."
    return f"查询码 {grouped(code)}，请妥善保存：凭此码可匿名查询进度、补充材料和接收答复。"
