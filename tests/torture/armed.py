"""What the server that forks workers imports: all that a worker does, with failpoints that can be armed later."""

import os

os.environ["DUBAN_FAILPOINT"] = ""  # read at the import of services.shared.failpoints

from services.supervision import main

__all__ = ["main"]
