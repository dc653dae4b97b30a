"""Custodians sign in at the vault itself: accounts and signing key of its own, which no other service can read.

Guessing is limited for each account: after 5 wrong passwords in 15 minutes it is answered 429 for the rest of them.
"""

import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from services.shared.audit.trail import Trail
from services.shared.auth import load_key, mint
from services.shared.users import authenticate, load_users
from services.vault.telemetry import SIGN_INS

TOKEN_SECONDS = 900
WRONG, WINDOW = 5, timedelta(minutes=15)
USERS_FILE, SIGNING_FILE = "custodians.yaml", "signing.jwk"
STRANGER = "unknown"


class WrongPassword(Exception):
    """There is no such account, or it has another password: the same answer for both."""


class TooManyGuesses(Exception):
    """Somebody tries passwords: nobody gets in under this name for a while."""


class Sessions:
    """Signs custodians in with the accounts and the key in `folder`."""

    def __init__(self, folder: Path, trail: Trail, clock: Callable[[], datetime]) -> None:
        self._users, self._key_file = folder / USERS_FILE, folder / SIGNING_FILE
        self._trail, self._clock = trail, clock
        self._lock = threading.Lock()
        self._wrong: dict[str, deque[datetime]] = {}

    def sign_in(self, name: str, password: str) -> str:
        """A token for 15 minutes. Raises WrongPassword or TooManyGuesses; each is on the audit trail."""
        account = name if name in load_users(self._users) else STRANGER
        with self._lock:
            wrong = self._wrong.setdefault(account, deque(maxlen=WRONG))
            if len(wrong) == WRONG and self._clock() - wrong[0] < WINDOW:
                SIGN_INS.labels("too_many").inc()
                raise TooManyGuesses
        principal = authenticate(self._users, name, password)
        if principal is None:
            with self._lock:
                wrong.append(self._clock())
            SIGN_INS.labels("wrong").inc()
            self._trail.append(account, "custodian.sign-in-failed", account)
            raise WrongPassword
        self._trail.append(account, "custodian.signed-in", account)
        SIGN_INS.labels("done").inc()
        return mint(principal, TOKEN_SECONDS, load_key(self._key_file))
