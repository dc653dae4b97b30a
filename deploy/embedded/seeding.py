"""Keys and users of a new installation, made at its first start and left alone afterwards."""

from pathlib import Path

SEEDED_ROLES = ("office", "supervisor", "agency", "operator", "leader", "clerk", "head")


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


def _first_group_and_agency(path: Path) -> tuple[str, str | None]:
    import yaml

    city = yaml.safe_load(path.read_text("utf-8")) if path.exists() else {}
    groups, agencies = city.get("groups") or [], city.get("agencies") or []
    return (groups[0]["code"] if groups else "g1"), (agencies[0]["code"] if agencies else None)
