"""Two custodians of a running stack, over HTTP: they sign in at the vault, ask, approve and open."""

from typing import Any

import httpx

from deploy.embedded.stack import Stack

WHY = "the reply has to reach the person by letter"


class Custodians:
    """custodian-1 asks and opens, custodian-2 approves."""

    def __init__(self, stack: Stack) -> None:
        lines = (stack.data / "users.txt").read_text().splitlines()
        passwords = dict(line.split(" ", 1) for line in lines)
        self._client = httpx.Client(base_url=stack.plan.vault, timeout=60)
        self._one, self._two = (self._sign_in(name, passwords[name]) for name in ("custodian-1", "custodian-2"))

    def open(self, case_id: str, text: str = WHY) -> dict[str, str]:
        """The identity that came with a case. `text` is why it is opened."""
        asked = self._post("/v1/openings", self._one, {"case_id": case_id, "reason": "verify_report", "text": text})
        one = f"/v1/openings/{asked['opening_id']}"
        self._post(f"{one}/approve", self._two)
        identity: dict[str, str] = self._post(f"{one}/open", self._one)["identity"]
        return identity

    def _sign_in(self, name: str, password: str) -> dict[str, str]:
        token = self._post("/v1/sessions", {}, {"name": name, "password": password})["token"]
        return {"Authorization": f"Bearer {token}"}

    def _post(self, path: str, headers: dict[str, str], body: Any = None) -> Any:
        answer = self._client.post(path, headers=headers, json=body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()
