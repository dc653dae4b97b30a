"""A supervision worker whose fold never returns, for tests of the watchdog: `python -m … --port N`."""

import sys
import threading
from typing import Any

from services.supervision import main
from services.supervision.domain.cases import CasesFold


def _hang(*_: Any) -> Any:
    threading.Event().wait()


if __name__ == "__main__":
    CasesFold.fold = _hang  # type: ignore[assignment]
    sys.argv = [sys.argv[0], "cases", *sys.argv[1:]]
    main.app()
