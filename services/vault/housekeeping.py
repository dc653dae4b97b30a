"""What the vault does without being asked: data keys sealed anew after a rotation, old keys destroyed, the overdue
counted. Repeatable at any point; nothing is shredded here: that is an order."""

import threading

import structlog

from services.vault.service import VaultService
from services.vault.telemetry import HOUSEKEEPING_RETRIES

IDLE_SECONDS = 5.0
BATCH = 200
_log = structlog.get_logger()


def keep_house(service: VaultService, stop: threading.Event) -> None:
    """Until `stop` is set."""
    while not stop.wait(IDLE_SECONDS):
        try:
            turn(service)
        except Exception as error:
            HOUSEKEEPING_RETRIES.inc()
            _log.warning("housekeeping_waits", error=type(error).__name__)


def turn(service: VaultService) -> None:
    """One round."""
    while service.rewrap(BATCH) == BATCH:
        continue
    for key_id in service.destroy_old_keys():
        _log.info("custodians_key_destroyed", key_id=key_id)
    service.due()
