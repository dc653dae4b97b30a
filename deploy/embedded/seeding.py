"""Keys and users of an embedded stack, made at its first start and left alone afterwards."""

from deploy.embedded.plan import Plan

_SEEDED_ROLES = ("office", "supervisor", "agency", "operator", "leader", "clerk")


def seed(plan: Plan) -> None:
    """A signing key, and one user for each role of the sign-in page, with passwords in <data>/users.txt (0600).

    Agency and group are the first ones of policies/city.yaml.
    """
    from services.shared import auth, users
    from services.shared.access import Principal

    plan.signing_key_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    auth.create_key(plan.signing_key_file)
    group, agency = _first_group_and_agency(plan)
    scope = {"supervisor": (None, group), "agency": (agency, None)}
    principals = [Principal(role, frozenset({role}), *scope.get(role, (None, None))) for role in _SEEDED_ROLES]
    users.seed_users(plan.users_file, plan.data / "users.txt", principals)


def _first_group_and_agency(plan: Plan) -> tuple[str, str | None]:
    import yaml

    path = plan.policies / "city.yaml"
    city = yaml.safe_load(path.read_text("utf-8")) if path.exists() else {}
    groups, agencies = city.get("groups") or [], city.get("agencies") or []
    return (groups[0]["code"] if groups else "g1"), (agencies[0]["code"] if agencies else None)
