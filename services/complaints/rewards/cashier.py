"""What a cashier does with vouchers, over the API and on the page; each account has so many guesses. Free of HTTP.

A cashier learns an amount and whether a voucher is good for it, nothing else (row A4).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from services.complaints.inbox_session import TooManyGuesses
from services.complaints.rewards.domain.ledger import Entry
from services.complaints.rewards.service import RewardService
from services.shared.guessing import Guessing


class Cashier:
    """Looks at vouchers and pays them out."""

    def __init__(self, rewards: RewardService, guessing: Guessing) -> None:
        self._rewards, self._guessing = rewards, guessing

    def worth(self, voucher: str, by: str) -> int:
        """What a voucher that can be paid out now is worth, in fen. Raises NotFound, Refused or TooManyGuesses."""
        with self._guess(by):
            return self._rewards.worth(voucher)

    def pay(self, voucher: str, amount_fen: int, by: str) -> Entry:
        """Book the payment. Raises NotFound, Refused, Conflict or TooManyGuesses."""
        with self._guess(by):
            return self._rewards.redeem(voucher, amount_fen, by)

    @contextmanager
    def _guess(self, by: str) -> Iterator[None]:
        """An attempt of `by`, given back when the voucher was right."""
        if seconds := self._guessing.attempt(by):
            raise TooManyGuesses(seconds)
        yield
        self._guessing.was_right(by)
