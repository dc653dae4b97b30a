"""How long to wait between two looks at something that tells nobody of its changes. Free of clocks: it counts looks."""

BUSY_SECONDS, QUIET_SECONDS, IDLE_SECONDS = 0.01, 0.1, 0.25
SLOWER = 1.25  # a look that finds nothing, from busy to quiet: within half a second
DROWSIER = 1.003  # from quiet to idle: within a minute


class Pace:
    """Busy after a look that found something, quiet soon after the last such, idle long after it."""

    def __init__(self, busy: float = BUSY_SECONDS) -> None:
        """`busy`: seconds to wait while there is something to find."""
        self._busy = self._pause = busy

    def after(self, found: bool) -> float:
        """Seconds to wait after a look."""
        if found:
            self._pause = self._busy
        else:
            self._pause = min(IDLE_SECONDS, self._pause * (SLOWER if self._pause < QUIET_SECONDS else DROWSIER))
        return self._pause
