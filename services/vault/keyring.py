"""The custodians' private keys: in one file (0600) that the vault alone reads. Opens, re-wraps and destroys data keys.

The newest key is the current one; its public half lies where intakes read it. Older ones stay until nothing is sealed
to them and policy's days have passed: then they are destroyed, and with them what backups still hold under them.
"""

import hashlib
import hmac
import os
import threading
from datetime import datetime
from pathlib import Path

import msgspec
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox
from nacl.secret import SecretBox

from services.contracts.identity import CustodiansKey, Identity, SealedIdentity
from services.shared.sealing import Sealed

PRIVATE_FILE, PUBLIC_FILE, MAC_FILE = "custodians.key", "custodians.json", "openings.key"
AUDIT_KEY_FILE = "audit.key"  # that the heads of the audit trail are signed with; the vault's process does it


class UnknownKey(Exception):
    """Sealed to a key that is not, or no longer, in the ring."""


class Unreadable(Exception):
    """Not what an intake sealed: damaged, or exchanged for another record's."""


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One private key, 32 bytes. `replaced_at` is None for the current one."""

    key_id: str
    private: bytes
    made_at: datetime
    replaced_at: datetime | None = None


class Keyring:
    """The keys in `folder`, the current one's public half in `public_folder`."""

    def __init__(self, folder: Path, public_folder: Path) -> None:
        self._file, self._public = folder / PRIVATE_FILE, public_folder / PUBLIC_FILE
        self._lock = threading.Lock()
        self._mac_key = (folder / MAC_FILE).read_bytes()
        self._keys = msgspec.json.decode(self._file.read_bytes(), type=list[Key])
        self._publish()  # a kill between writing the private and the public half is mended here

    @classmethod
    def create(cls, folder: Path, public_folder: Path, now: datetime) -> None:
        """A ring with one new key, unless there is one already."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        public_folder.mkdir(parents=True, exist_ok=True)
        if not (folder / MAC_FILE).exists():
            _write(folder / MAC_FILE, os.urandom(32), 0o600)
        if not (folder / PRIVATE_FILE).exists():
            _write(folder / PRIVATE_FILE, msgspec.json.encode([_new_key(now)]), 0o600)
        cls(folder, public_folder)

    @property
    def current(self) -> Key:
        return self._keys[-1]

    @property
    def replaced(self) -> list[Key]:
        """The keys that nothing new is sealed to, the oldest first."""
        return self._keys[:-1]

    def check(self, sealed: SealedIdentity) -> None:
        """Raises UnknownKey or Unreadable when the data key does not open. The identity itself stays closed."""
        self._data_key(sealed)

    def open(self, sealed: SealedIdentity) -> Identity:
        """The identity. Raises UnknownKey or Unreadable."""
        try:
            plain = SecretBox(self._data_key(sealed)).decrypt(sealed.box)
            found = msgspec.json.decode(plain, type=Sealed)
        except (CryptoError, ValueError, msgspec.DecodeError):
            raise Unreadable(sealed.identity_ref) from None
        if found.identity_ref != sealed.identity_ref:
            raise Unreadable(sealed.identity_ref)
        return found.identity

    def rewrap(self, sealed: SealedIdentity) -> SealedIdentity:
        """The same box, its data key sealed to the current key. Raises UnknownKey or Unreadable."""
        current = self.current
        box = SealedBox(PrivateKey(current.private).public_key)
        return msgspec.structs.replace(
            sealed, key_id=current.key_id, sealed_key=bytes(box.encrypt(self._data_key(sealed)))
        )

    def rotate(self, now: datetime) -> Key:
        """A new current key; what is sealed to the others can still be opened."""
        with self._lock:
            *older, last = self._keys
            self._save([*older, msgspec.structs.replace(last, replaced_at=now), _new_key(now)])
            return self.current

    def destroy(self, key_id: str) -> None:
        """Forget a replaced private key for ever."""
        with self._lock:
            self._save([key for key in self._keys if key.key_id != key_id or key is self.current])

    def mac(self, content: bytes) -> str:
        """A keyed hash that only the holder of this ring can make, 64 hexadecimal digits."""
        return hmac.digest(self._mac_key, content, hashlib.sha256).hex()

    def _data_key(self, sealed: SealedIdentity) -> bytes:
        key = next((key for key in self._keys if key.key_id == sealed.key_id), None)
        if key is None:
            raise UnknownKey(sealed.key_id)
        try:
            return SealedBox(PrivateKey(key.private)).decrypt(sealed.sealed_key)
        except (CryptoError, ValueError, TypeError):
            raise Unreadable(sealed.identity_ref) from None

    def _save(self, keys: list[Key]) -> None:
        _write(self._file, msgspec.json.encode(keys), 0o600)
        self._keys = keys
        self._publish()

    def _publish(self) -> None:
        current = self.current
        public = CustodiansKey(key_id=current.key_id, public=bytes(PrivateKey(current.private).public_key))
        content = msgspec.json.encode(public)
        if not self._public.exists() or self._public.read_bytes() != content:
            _write(self._public, content, 0o644)


def _new_key(now: datetime) -> Key:
    private = PrivateKey.generate()
    return Key(key_id=_key_id(private.public_key), private=bytes(private), made_at=now)


def _key_id(public: PublicKey) -> str:
    return hashlib.sha256(bytes(public)).hexdigest()[:16]


def _write(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all, and on the disk before anything is sealed to it."""
    draft = path.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
