"""What the vault does without being asked: data keys sealed anew after a rotation, old keys destroyed, identities past
their retention shredded once a day. Repeatable at any point; what fails leaves everything as it was and is tried again.
"""

import threading
import time
from collections.abc import Callable

import structlog

from services.vault.service import VAULT, VaultService
from services.vault.telemetry import HOUSEKEEPING_RETRIES

IDLE_SECONDS = 5.0
DAY_SECONDS = 24 * 3600.0
BATCH = 200
_log = structlog.get_logger()


class House:
    """Keeps house. `clock` is monotonic, in seconds: a wall clock that is set does not bring the next day nearer."""

    def __init__(self, service: VaultService, clock: Callable[[], float] = time.monotonic) -> None:
        self._service, self._clock = service, clock
        self._shredded_at: float | None = None

    def keep(self, stop: threading.Event) -> None:
        """Turn after turn until `stop` is set."""
        while True:
            try:
                self.turn(stop)
            except Exception as error:
                HOUSEKEEPING_RETRIES.inc()
                _log.warning("housekeeping_waits", error=type(error).__name__)
            if stop.wait(IDLE_SECONDS):
                return

    def turn(self, stop: threading.Event | None = None) -> None:
        """One round; in the first one, and in one a day, what is past its retention is shredded."""
        service = self._service
        while service.rewrap(BATCH) == BATCH:
            continue
        for key_id in service.destroy_old_keys():
            _log.info("custodians_key_destroyed", key_id=key_id)
        if self._shredded_at is None or self._clock() - self._shredded_at >= DAY_SECONDS:
            self._shred(stop or threading.Event())
        service.due()

    def _shred(self, stop: threading.Event) -> None:
        """All that is due, in batches. Only a round that came to its end counts as this day's."""
        begun, shredded = self._clock(), 0
        while not stop.is_set():
            done = self._service.shred(BATCH, VAULT)
            shredded += done
            if done < BATCH:
                self._shredded_at = begun
                break
        if shredded:
            _log.info("identities_shredded", count=shredded)
