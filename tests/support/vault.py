"""The vault in memory, with two custodians of its own, for tests without a server."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import yaml

from deploy.embedded.plan import ROOT
from services.contracts.identity import CustodiansKey, Identity, KeptIdentity, SealedIdentity
from services.shared.access import Principal
from services.shared.audit.trail import MemoryTrail
from services.shared.auth import create_key, load_key, mint
from services.shared.sealing import Custodians, seal
from services.shared.users import hash_password
from services.vault import api
from services.vault.domain.policy import read_policy
from services.vault.keyring import PUBLIC_FILE, Keyring
from services.vault.repository import MemoryVault
from services.vault.service import VaultService
from services.vault.sessions import SIGNING_FILE, USERS_FILE, Sessions
from tests.support.sources import T0, Caller, settings_in

POLICY = read_policy(yaml.safe_load((ROOT / "policies" / "vault.yaml").read_text("utf-8")))
ZHANG = Identity(name="张三", phone="13800138000", id_number="211382197001010011")
WHY = "the report names a receipt that only its author has"
PASSWORD = "a password of tests"


class Vault:
    """A vault at `now`, which tests move on."""

    def __init__(self, folder: Path) -> None:
        self.now = T0
        self.settings = settings_in(folder, vault_keys=folder / "vault", public_keys=folder / "public")
        Keyring.create(self.settings.vault_keys, self.settings.public_keys, self.now)
        create_key(self.settings.vault_keys / SIGNING_FILE)
        user = {"password": hash_password(PASSWORD), "roles": ["custodian"], "agency": None, "group": None}
        users = {"users": dict.fromkeys(("custodian-1", "custodian-2"), user)}
        (self.settings.vault_keys / USERS_FILE).write_text(yaml.safe_dump(users))
        self.keyring = Keyring(self.settings.vault_keys, self.settings.public_keys)
        self.store, self.trail = MemoryVault(), MemoryTrail(self.clock)
        self.service = VaultService(self.store, self.keyring, self.trail, POLICY, self.clock)
        sessions = Sessions(self.settings.vault_keys, self.trail, self.clock)
        self.caller = Caller(api.build(self.settings, self.service, sessions), self.settings)
        self._own_key = load_key(self.settings.vault_keys / SIGNING_FILE)

    def clock(self) -> datetime:
        return self.now

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)

    @property
    def public_key(self) -> CustodiansKey:
        return Custodians(self.settings.public_keys / PUBLIC_FILE).current()

    def sealed(self, case: str = "case-1", identity: Identity = ZHANG) -> SealedIdentity:
        return seal(identity, f"identity-{case}", self.public_key)

    def keep(self, case: str = "case-1", identity: Identity = ZHANG) -> SealedIdentity:
        """An identity that the vault has."""
        sealed = self.sealed(case, identity)
        assert self.service.keep(KeptIdentity(case_id=case, sealed=sealed))
        return sealed

    def approved(self, case: str = "case-1") -> str:
        """The id of an opening that custodian-1 asked for and custodian-2 approved."""
        opening = self.service.request(case, "verify_report", WHY, "custodian-1")
        self.service.approve(opening.opening_id, "custodian-2")
        return opening.opening_id

    def custodian(self, number: int) -> dict[str, str]:
        """The Authorization header of a custodian, as the vault gives it."""
        token = mint(Principal(f"custodian-{number}", frozenset({"custodian"})), 600, self._own_key)
        return {"Authorization": f"Bearer {token}"}

    def post(self, path: str, body: Any, number: int) -> Any:
        return self.caller.client.post(path, json=body, headers=self.custodian(number))

    def actions(self) -> list[str]:
        return [entry.action for entry in self.trail.kept]


def as_json(kept: KeptIdentity) -> bytes:
    return msgspec.json.encode(kept)
