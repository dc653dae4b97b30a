"""What the server that forks workers imports, once: all that a worker does, with failpoints that can be armed later,
and what each fork would import again to find its function (this program's own main module)."""

import os

os.environ["DUBAN_FAILPOINT"] = ""  # read at the import of services.shared.failpoints

import pytest

from services.supervision import main
from tests.torture import lives

__all__ = ["lives", "main", "pytest"]
