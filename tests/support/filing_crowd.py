"""People who file at once and do not give up: each sends its request again, under its key, until it is answered.

Some give a name, some send a file, some hang up before the answer comes, and some ask again after it has come.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple, Self

import httpx

from services.contracts.identifiers import new_id
from tests.support.stack import eventually

CONNECTIONS = 32
PATIENCE = 180.0
HANG_UP_SECONDS = 0.01
OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}


class Filing(NamedTuple):
    """What one person sends."""

    number: int
    key: str
    text: str
    identity: dict[str, str] | None
    evidence: bytes | None

    @classmethod
    def of(cls, number: int) -> Self:
        """Every third with a name, every fifth with a file."""
        identity = {"name": f"赵{number}", "phone": f"139{number:08d}"} if number % 3 == 0 else None
        evidence = f"第{number}件的证据\n".encode() * (number % 50 + 1) if number % 5 == 0 else None
        return cls(number, new_id(), f"第{number}件：窗口上午十点就关了", identity, evidence)

    @property
    def body(self) -> dict[str, Any]:
        fields = {"channel": "website", "agency": "tax", "offence": "delay", "text": self.text}
        return fields | ({"identity": self.identity} if self.identity else {})


class Receipt(NamedTuple):
    """What that person was answered. `evidence_ref` is that of the file which a message of theirs names."""

    filing: Filing
    case_id: str
    code: str
    evidence_ref: str | None


class Crowd:
    """Files `filings` at `url` from many connections. `count` says what happened to their requests."""

    def __init__(self, url: str, filings: list[Filing]) -> None:
        self.url, self.filings = url, filings
        self.receipts: list[Receipt] = []
        self.count: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._clients = threading.local()

    @contextmanager
    def filing(self) -> Iterator[None]:
        """While the block runs, they file; at its end all have been answered. Raises what went wrong for one of
        them."""
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            running = [pool.submit(self._file, filing) for filing in self.filings]
            yield
            for one in running:
                one.result()

    def _file(self, filing: Filing) -> None:
        key = {"Idempotency-Key": filing.key}
        if filing.number % 8 == 0:
            self._hang_up(filing.body, key)
        answer = self._until(201, "/v1/cases", json=filing.body, headers=key)
        if filing.number % 7 == 0:
            self._tell("asked again after the answer")
            again = self._until(201, "/v1/cases", json=filing.body, headers=key)
            assert again.content == answer.content, "the same request has another receipt"
        case = answer.json()
        ref = self._evidence(filing, case["receipt_code"]) if filing.evidence else None
        with self._lock:
            self.receipts.append(Receipt(filing, case["case_id"], case["receipt_code"], ref))

    def _evidence(self, filing: Filing, code: str) -> str:
        """Through the inbox: a session, the file, and a message that names it."""
        key = OWN_PAGE | {"Idempotency-Key": f"{filing.key}-evidence"}
        self._until(201, "/v1/inbox/session", json={"code": code})
        ref: str = self._until(201, "/v1/inbox/evidence", content=filing.evidence, headers=key).json()["ref"]
        self._until(201, "/v1/inbox/messages", json={"evidence_refs": [ref]}, headers=key)
        return ref

    def _hang_up(self, body: dict[str, Any], headers: dict[str, str]) -> None:
        """Send, and be gone before the answer comes."""
        try:
            httpx.post(f"{self.url}/v1/cases", json=body, headers=headers, timeout=HANG_UP_SECONDS)
        except httpx.HTTPError:
            self._tell("hung up on")

    def _until(self, status: int, path: str, **request: Any) -> httpx.Response:
        """Send it until it is answered. No answer, one that does not know (503) and "wait" (429) are no answers."""
        return eventually(lambda: self._answered(status, path, **request), PATIENCE, every=0.2)

    def _answered(self, status: int, path: str, **request: Any) -> httpx.Response | None:
        self._tell("requests")
        try:
            answer = self._client().post(path, **request)
        except httpx.HTTPError:
            self._tell("broken off")
            return None
        if answer.status_code in (429, 503):
            self._tell(f"answered {answer.status_code}")
            return None
        assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text}"
        if "idempotency-replayed" in answer.headers:
            self._tell("answered with the first answer")
        return answer

    def _client(self) -> httpx.Client:
        if not hasattr(self._clients, "one"):
            self._clients.one = httpx.Client(base_url=self.url, timeout=60)
        found: httpx.Client = self._clients.one
        return found

    def _tell(self, what: str) -> None:
        with self._lock:
            self.count[what] += 1


def each(act: Callable[[Any], Any], over: list[Any], at_once: int = 8) -> list[Any]:
    """What `act` answers for each, several at once."""
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(act, over))
