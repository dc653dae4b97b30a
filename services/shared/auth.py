"""Signed tokens, and the FastAPI dependency that holds every endpoint to the table in access.py.

OpenID Connect can take the place of `mint` and `verify` later; nothing else knows how a token is made.
"""

import contextlib
import os
import time
import warnings
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
from fastapi import FastAPI, Request
from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import OKPKey

from services.shared import access
from services.shared.access import ANONYMOUS, ROLES, Principal, Role
from services.shared.problems import Problem

__all__ = [
    "SESSION_COOKIE", "Principal", "create_key", "from_own_page", "install_auth", "load_key", "mint", "require",
    "verify",
]  # fmt: skip

SESSION_COOKIE = "duban_session"
_ALGORITHM = "Ed25519"
_ISSUER = "duban"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_KEPT_TOKENS = 1024
_good: dict[tuple[str, str], dict[str, Any]] = {}  # (token, public key): claims
Use = Literal["access", "ticket", "inbox"]


class Unauthenticated(Exception):
    """A token that is not one of ours, or not any more. The message says which."""


def create_key(path: Path) -> None:
    """Write a new Ed25519 signing key to `path` with mode 0600, unless there is one already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    key = OKPKey.generate_key("Ed25519")
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.encode(key.as_dict(private=True)))


def load_key(path: Path) -> OKPKey:
    """The signing key in `path`. Raises FileNotFoundError when there is none, ValueError when it is no such key."""
    try:
        return OKPKey.import_key(msgspec.json.decode(path.read_bytes()))
    except FileNotFoundError:
        hint = "`duban up` creates one, or set DUBAN_SIGNING_KEY_FILE"
        raise FileNotFoundError(f"no signing key at {path}: {hint}") from None
    except (msgspec.DecodeError, JoseError, TypeError, KeyError) as error:
        raise ValueError(f"{path} is not an Ed25519 signing key: {error}") from None


def mint(principal: Principal, ttl: float, key: OKPKey, *, use: Use = "access", now: float | None = None) -> str:
    """A token for `principal` that is good for `ttl` seconds. A "ticket" is only good for a sign-in link."""
    issued = int(time.time() if now is None else now)
    claims = {
        "iss": _ISSUER, "sub": principal.subject, "roles": sorted(principal.roles), "agency": principal.agency,
        "group": principal.group, "use": use, "iat": issued, "exp": issued + int(ttl),
    }  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        return jwt.encode({"alg": _ALGORITHM}, claims, key, algorithms=[_ALGORITHM])


def verify(token: str, key: OKPKey, *, use: Use = "access", now: float | None = None) -> Principal:
    """The principal of a token. Raises Unauthenticated for one that is forged, expired, or made for another use."""
    try:
        claims = _signed(token, key)
    except (JoseError, ValueError, TypeError, KeyError):
        raise Unauthenticated("the token is not signed by this city") from None
    if claims.get("iss") != _ISSUER or claims.get("use") != use:
        raise Unauthenticated("the token is made for another use")
    if not isinstance(claims.get("exp"), int) or claims["exp"] <= (time.time() if now is None else now):
        raise Unauthenticated("the token has expired")
    roles = frozenset(claims.get("roles", ())) & frozenset(ROLES)
    return Principal(str(claims.get("sub")), roles, claims.get("agency"), claims.get("group"))


def _signed(token: str, key: OKPKey) -> dict[str, Any]:
    """The claims of a token whose signature is good: it stays so, unlike what the claims say of time and use."""
    name = token, str(key.as_dict(private=False)["x"])
    claims = _good.get(name)
    if claims is None:
        claims = jwt.decode(token, key, algorithms=[_ALGORITHM]).claims
        if len(_good) >= _KEPT_TOKENS:
            _good.clear()
        _good[name] = claims
    return claims


def install_auth(app: FastAPI, key_file: Path, reserved: Mapping[Role, Path] = MappingProxyType({})) -> None:
    """Let `require` of this app verify tokens with the key in `key_file`, read at the first request that has one.

    A role in `reserved` counts only in tokens of its own key, and such a token has no other role: whoever holds the
    city's key, as every service does, cannot make itself a custodian.
    """
    app.state.signing_key_file, app.state.reserved = key_file, dict(reserved)
    app.state.signing_key = None


def signing_key(request: Request) -> OKPKey:
    """The signing key of the app that answers `request`."""
    state = request.app.state
    if state.signing_key is None:
        state.signing_key = load_key(state.signing_key_file)
    return state.signing_key


def _bearer(request: Request, token: str, use: Use = "access") -> Principal:
    reserved = request.app.state.reserved
    for role, key_file in reserved.items():
        with contextlib.suppress(Unauthenticated):
            found = verify(token, load_key(key_file), use=use)
            return found._replace(roles=found.roles & {role})
    found = verify(token, signing_key(request), use=use)
    return found._replace(roles=found.roles - reserved.keys())


def authenticate(request: Request, cookie: str = SESSION_COOKIE, use: Use = "access") -> Principal:
    """Whoever sends `request`: a bearer token, else a session cookie with a token for `use`, else anonymous.

    The cookie is taken for a write only when the browser says that the page is our own (no forgery across sites).
    Raises Unauthenticated for a token that is not good.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme:
        if scheme.lower() != "bearer":
            raise Unauthenticated("Authorization: Bearer was expected")
        return _bearer(request, token.strip())
    session = request.cookies.get(cookie)
    if not session or not (request.method in _SAFE or from_own_page(request)):
        return ANONYMOUS
    try:
        return _bearer(request, session, use)
    except Unauthenticated:
        return ANONYMOUS


def from_own_page(request: Request) -> bool:
    """Whether the browser says that `request` comes from a page of this host."""
    if site := request.headers.get("sec-fetch-site"):
        return site == "same-origin"
    return urlsplit(request.headers.get("origin", "")).netloc == request.headers.get("host")


def require(
    endpoint: str, cookie: str = SESSION_COOKIE, use: Use = "access"
) -> Callable[[Request], Awaitable[Principal]]:  # fmt: skip
    """A dependency that answers 401 without a token and 403 for a role that `endpoint`'s entry does not name.

    `cookie` and `use` say in which session cookie a browser has its token. Raises KeyError at start for an endpoint
    without an entry. The scope is the handler's to enforce, by access.reach.
    """
    entry = access.TABLE[endpoint]

    async def dependency(request: Request) -> Principal:  # waits for nothing: a thread of its own would cost more
        try:
            principal = authenticate(request, cookie, use)
        except Unauthenticated as error:
            raise unauthenticated(str(error)) from None
        if not access.allows(endpoint, principal):
            if principal is ANONYMOUS:
                raise unauthenticated("this needs a token: send Authorization: Bearer")
            roles = ", ".join(sorted(entry.roles))
            raise Problem(403, "Not your role", f"{endpoint} is for {roles}", slug="forbidden", endpoint=endpoint)
        return principal

    dependency.endpoint = endpoint  # type: ignore[attr-defined]  # read by the test that walks every route
    return dependency


def unauthenticated(detail: str) -> Problem:
    """The 401 problem, with the challenge that the standard asks for."""
    return Problem(
        401, "Who are you?", detail, slug="unauthenticated", headers={"WWW-Authenticate": 'Bearer realm="duban"'}
    )
