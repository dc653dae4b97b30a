"""A supervision worker whose fold never returns from an event of the timeline HANG_AT: `python -m … --port N`."""

import os
import sys
import threading
from typing import Any

from services.supervision import main
from services.supervision.domain.cases import CasesFold


class Hanging(CasesFold):
    def fold(self, state: Any, event: Any, watermark: int) -> Any:
        if event.timeline == os.environ["HANG_AT"]:
            threading.Event().wait()
        return super().fold(state, event, watermark)


if __name__ == "__main__":
    main.CasesFold = Hanging  # type: ignore[misc]
    sys.argv = [sys.argv[0], "cases", *sys.argv[1:]]
    main.app()
