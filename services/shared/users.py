"""Accounts of the embedded stack's sign-in page: a YAML file with scrypt hashes. Free of HTTP and of tokens."""

import hashlib
import hmac
import os
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

from services.shared.access import ROLES, Principal

# Names under which nobody signs in: the person in their inbox, whoever has no token, and what the system does itself.
RESERVED = frozenset({"person", "anonymous", "merged-answers", "policy"})
_N, _R, _P = 2**14, 8, 1


class AccountsUnusable(ValueError):
    """The file of accounts cannot be used as it is: the message says where and why, for operators."""


def hash_password(password: str, salt: bytes | None = None) -> str:
    """`password` as "scrypt$n$r$p$salt$hash", both in base64."""
    salt = salt or os.urandom(16)
    digest = hashlib.scrypt(password.encode(), salt=salt, n=_N, r=_R, p=_P)
    return f"scrypt${_N}${_R}${_P}${b64encode(salt).decode()}${b64encode(digest).decode()}"


def verify_password(password: str, hashed: str) -> bool:
    """Whether `password` is the one that was hashed. Raises ValueError for a hash that is not ours."""
    scheme, n, r, p, salt, digest = hashed.split("$")
    if scheme != "scrypt":
        raise ValueError(f"unknown password scheme {scheme!r}: scrypt was expected")
    found = hashlib.scrypt(password.encode(), salt=b64decode(salt), n=int(n), r=int(r), p=int(p))
    return hmac.compare_digest(found, b64decode(digest))


_NOBODY = f"scrypt${_N}${_R}${_P}${b64encode(bytes(16)).decode()}${b64encode(bytes(64)).decode()}"  # of no password


def authenticate(users_file: Path, name: str, password: str) -> Principal | None:
    """The principal of account `name`, None when name or password is wrong (both take the same time).

    Raises AccountsUnusable: an account may be added while the service runs, and is checked then too.
    """
    user = load_users(users_file).get(name)
    matches = verify_password(password, user["password"] if user else _NOBODY)
    return _principal(name, user) if user and matches else None


def load_users(path: Path) -> dict[str, dict]:
    """Name -> {password, roles, agency, group}. Raises AccountsUnusable with the line at fault in words."""
    if not path.exists():
        return {}
    try:
        users = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("users", {})
    except (yaml.YAMLError, AttributeError) as error:
        raise AccountsUnusable(f"{path}: {error}") from None
    for name, user in users.items():
        if name in RESERVED:
            raise AccountsUnusable(
                f"{path}: no account can be named {name}: the system acts under that name, choose another"
            )
        if unknown := set(user.get("roles", ())) - set(ROLES):
            raise AccountsUnusable(
                f"{path}: user {name} has unknown roles {sorted(unknown)}: there are {', '.join(ROLES)}"
            )
    return users


def seed_users(users_file: Path, passwords_file: Path, principals: Iterable[Principal]) -> None:
    """Add each principal that has no account yet, with a random password that `passwords_file` (0600) keeps."""
    users = load_users(users_file)
    lines = []
    for principal in principals:
        if principal.subject in users:
            continue
        password = secrets.token_urlsafe(12)
        users[principal.subject] = {
            "password": hash_password(password), "roles": sorted(principal.roles), "agency": principal.agency,
            "group": principal.group,
        }  # fmt: skip
        lines.append(f"{principal.subject} {password}\n")
    if lines:
        _append_private(passwords_file, "".join(lines))
        _replace_private(users_file, yaml.safe_dump({"users": users}, allow_unicode=True))


def _principal(name: str, user: Mapping) -> Principal:
    return Principal(name, frozenset(user["roles"]), user.get("agency"), user.get("group"))


def _append_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def _replace_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)
