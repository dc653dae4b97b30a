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
        self._service, self._clock, self._stop = service, clock, threading.Event()
        self._shredded_at: float | None = None

    def keep(self, stop: threading.Event) -> None:
        """Turn after turn until `stop` is set."""
        self._stop = stop
        self.turn()
        while not stop.wait(IDLE_SECONDS):
            self.turn()

    def turn(self) -> None:
        """One round; the first one, and one a day, shreds what is past its retention. A duty that has to wait
        keeps no other one waiting."""
        for duty in (self._reseal, self._shred, self._service.due):
            try:
                duty()
            except Exception as error:
                HOUSEKEEPING_RETRIES.inc()
                _log.warning("housekeeping_waits", error=type(error).__name__)

    def _reseal(self) -> None:
        while self._service.rewrap(BATCH) == BATCH:
            continue
        for key_id in self._service.destroy_old_keys():
            _log.info("custodians_key_destroyed", key_id=key_id)

    def _shred(self) -> None:
        """All that is due, in batches. Only a round that came to its end counts as this day's."""
        begun, shredded = self._clock(), 0
        if self._shredded_at is not None and begun - self._shredded_at < DAY_SECONDS:
            return
        while not self._stop.is_set():
            done = self._service.shred(BATCH, VAULT)
            shredded += done
            if done < BATCH:
                self._shredded_at = begun
                break
        if shredded:
            _log.info("identities_shredded", count=shredded)
