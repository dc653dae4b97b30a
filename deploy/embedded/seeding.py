"""Keys and users of a new installation, made at its first start and left alone afterwards."""

from pathlib import Path

SEEDED_ROLES = ("office", "supervisor", "agency", "operator", "leader", "clerk", "head", "cashier", "monitor")
SEEDED_CUSTODIANS = ("custodian-1", "custodian-2")


def seed(signing_key_file: Path, users_file: Path, passwords_file: Path, policies: Path) -> None:
    """A signing key, and one user for each role of the sign-in page, with passwords in `passwords_file` (0600).

    The agency's user and its head belong to the first agency of `policies`/city.yaml, the supervisor to the first
    group.
    """
    from services.shared import auth, users
    from services.shared.access import Principal

    signing_key_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    auth.create_key(signing_key_file)
    group, agency = _first_group_and_agency(policies / "city.yaml")
    scope = {"supervisor": (None, group), "agency": (agency, None), "head": (agency, None)}
    principals = [Principal(role, frozenset({role}), *scope.get(role, (None, None))) for role in SEEDED_ROLES]
    users.seed_users(users_file, passwords_file, principals)


def seed_vault(vault_keys: Path, public_keys: Path, passwords_file: Path) -> None:
    """The vault's keys and two custodians' accounts in `vault_keys` (0700), the public halves in `public_keys`."""
    from services.shared import auth, users
    from services.shared.access import Principal
    from services.shared.audit.heads import create_signing_key
    from services.shared.clock import utc_now
    from services.vault.keyring import AUDIT_KEY_FILE, Keyring
    from services.vault.sessions import SIGNING_FILE, USERS_FILE

    Keyring.create(vault_keys, public_keys, utc_now())
    auth.create_key(vault_keys / SIGNING_FILE)
    create_signing_key(vault_keys / AUDIT_KEY_FILE, public_keys / "audit.pub")
    principals = [Principal(name, frozenset({"custodian"})) for name in SEEDED_CUSTODIANS]
    users.seed_users(vault_keys / USERS_FILE, passwords_file, principals)


def _first_group_and_agency(path: Path) -> tuple[str, str | None]:
    import yaml

    city = yaml.safe_load(path.read_text("utf-8")) if path.exists() else {}
    groups, agencies = city.get("groups") or [], city.get("agencies") or []
    return (groups[0]["code"] if groups else "g1"), (agencies[0]["code"] if agencies else None)
