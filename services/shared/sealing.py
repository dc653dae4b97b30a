"""Seals identities to the custodians' public key. Whoever seals cannot read back: there is no private key here.

The length of a box tells next to nothing: identities are padded to whole blocks before they are encrypted.
"""

from pathlib import Path

import msgspec
from nacl.public import PublicKey, SealedBox
from nacl.secret import SecretBox
from nacl.utils import random

from services.contracts.identity import CustodiansKey, Identity, SealedIdentity

BLOCK = 1024


class NoCustodians(RuntimeError):
    """There is no public key of custodians: nothing can be sealed, so nothing may be taken in."""


class Sealed(msgspec.Struct, frozen=True):
    """What lies in a box. The reference inside binds the box to its record: boxes cannot be exchanged."""

    identity_ref: str
    identity: Identity


def seal(identity: Identity, identity_ref: str, custodians: CustodiansKey) -> SealedIdentity:
    """`identity` under a new random data key, and that key sealed to `custodians`."""
    data_key = random(SecretBox.KEY_SIZE)
    plain = msgspec.json.encode(Sealed(identity_ref, identity))
    padded = plain.ljust(-(-len(plain) // BLOCK) * BLOCK)  # JSON takes the spaces for nothing
    return SealedIdentity(
        identity_ref=identity_ref, key_id=custodians.key_id,
        sealed_key=bytes(SealedBox(PublicKey(custodians.public)).encrypt(data_key)),
        box=bytes(SecretBox(data_key).encrypt(padded)),
    )  # fmt: skip


class Custodians:
    """The custodians' public key in a file, read again when the file changes: keys are rotated while services run."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read: tuple[int, CustodiansKey] | None = None

    def current(self) -> CustodiansKey:
        """The key to seal to. Raises NoCustodians."""
        try:
            changed = self._file.stat().st_mtime_ns
            if self._read is None or self._read[0] != changed:
                self._read = changed, msgspec.json.decode(self._file.read_bytes(), type=CustodiansKey)
        except (OSError, msgspec.DecodeError) as error:
            raise NoCustodians(f"no custodians' key can be read at {self._file}: {error}") from None
        return self._read[1]
