"""Keys and users of an embedded stack, made at its first start."""

from deploy.embedded.plan import Plan


def seed(plan: Plan) -> None:
    """Make the keys folder, private to its owner."""
    plan.signing_key_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
