"""The bodies of the vault's requests and answers."""

from datetime import datetime
from typing import Annotated

import msgspec

from services.contracts.identity import Identity
from services.vault.domain.opening import MAX_TEXT, Opening

Code = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class SignIn(msgspec.Struct, forbid_unknown_fields=True):
    name: Code
    password: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Session(msgspec.Struct):
    """`token` goes into Authorization: Bearer."""

    token: str
    expires_in: int


class RequestOpening(msgspec.Struct, forbid_unknown_fields=True):
    """`reason` is a code of policies/vault.yaml, `text` says why this case needs it; it names nobody."""

    case_id: Code
    reason: Code
    text: Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]


class DenyOpening(msgspec.Struct, forbid_unknown_fields=True):
    reason: Code


class ShredDue(msgspec.Struct, forbid_unknown_fields=True):
    """At most `limit` at once; ask again while `left` is not 0."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100


class Shreds(msgspec.Struct):
    shredded: int
    left: int


class Openings(msgspec.Struct):
    """The newest first; `mac` is always empty here."""

    items: list[Opening]


class OpenedIdentity(msgspec.Struct):
    case_id: str
    opening_id: str
    opened_at: datetime | None
    identity: Identity


class Kept(msgspec.Struct):
    """`repeated`: the vault had it already."""

    identity_ref: str
    repeated: bool


class Rotated(msgspec.Struct):
    key_id: str
