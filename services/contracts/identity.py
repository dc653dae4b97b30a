"""Who a person is, and the sealed form in which alone that travels and rests (row A3). Never part of an event."""

from typing import Annotated

import msgspec

MAX_IDENTITY_FIELD = 200
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_IDENTITY_FIELD)]


class Identity(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a person told of themselves, as much as they wished. It has no printable form, so that no log line, trace
    or failed assertion shows it."""

    name: Text | None = None
    phone: Text | None = None
    address: Text | None = None
    email: Text | None = None
    id_number: Text | None = None
    enterprise_contact: Text | None = None

    def __repr__(self) -> str:
        return "Identity(…)"


class SealedIdentity(msgspec.Struct, kw_only=True, frozen=True):
    """An identity that only the holder of the custodians' private key `key_id` can read.

    `box` is the identity under a data key of its own, `sealed_key` that data key sealed to the custodians: without
    `sealed_key` nobody can read `box` ever again. Both are bytes, base64 in JSON.
    """

    identity_ref: str
    key_id: str
    sealed_key: bytes
    box: bytes


class KeptIdentity(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What an intake hands to the vault: the sealed identity and the case that it belongs to."""

    case_id: str
    sealed: SealedIdentity


class CustodiansKey(msgspec.Struct, kw_only=True, frozen=True):
    """The public key to seal to, 32 bytes of Curve25519; every intake reads it."""

    key_id: str
    public: bytes
