"""The bodies of approval commands and of the catalogue."""

from services.approvals.domain.approval import LIFE
from services.approvals.domain.item import Item, Versions
from services.shared.bodies import bodies

BODIES = bodies(LIFE.models)


class PublishedItem(Item, frozen=True, kw_only=True):
    """The version in force, under its code, and what the versions before it were called."""

    code: str
    revision: int
    earlier_versions: list[str] = []


def published(item: Versions) -> PublishedItem:
    """An item as it is answered."""
    fields = {name: getattr(item.in_force, name) for name in Item.__struct_fields__}
    earlier = [known.version for known in item.versions[:-1]]
    return PublishedItem(**fields, code=item.code, revision=item.revision, earlier_versions=earlier)
