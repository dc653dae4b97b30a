"""Commands from the forms of pages: the same bodies, the same orders and the same service as over the API."""

from collections.abc import Mapping
from typing import Any

import msgspec

from services.complaints.service import ComplaintService
from services.contracts.identifiers import name_of
from services.shared.access import Principal, allows, reach
from services.shared.bodies import Body
from services.shared.commands import Answer, Order
from services.shared.problems import Problem


class Commands:
    """Carries out what forms say. `key` makes a form that is sent twice one command."""

    def __init__(self, service: ComplaintService, bodies: Mapping[str, Body[Any]]) -> None:
        self.service, self._bodies = service, bodies

    def may(self, principal: Principal, command: str, status: str) -> bool:
        """Whether the life of a complaint allows `command` in `status`, and the access table `principal`."""
        return command in self.service.kind.life.allowed(status) and allows(f"complaints.{command}", principal)

    def file(self, principal: Principal, body: Mapping[str, Any], key: str) -> Answer:
        """File a complaint. Raises as `do` does."""
        return self.do(principal, self.service.kind.life.opening, body, key)

    def do(
        self, principal: Principal, command: str, body: Mapping[str, Any], key: str, case_id: str | None = None,
        version: int | None = None,
    ) -> Answer:  # fmt: skip
        """Carry out `command` with the fields in `body`; with a `version`, only when the case still has that one.

        Raises what a command raises, msgspec.ValidationError or Problem for a body that is none, and a 403 problem for
        a role that may not.
        """
        endpoint = f"complaints.{command}"
        if not allows(endpoint, principal):
            raise Problem(403, "Not your role", f"{endpoint} is not for this account", slug="forbidden")
        data, beside = self._bodies[command].take(msgspec.json.encode(body), name_of("request", principal.subject, key))
        order = Order(
            name=command, data=data, actor=principal, reach=reach(endpoint, principal), case_id=case_id, key=key,
            expected_version=version, beside=beside,
        )  # fmt: skip
        return self.service.execute(order)[0]
