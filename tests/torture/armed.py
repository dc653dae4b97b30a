"""What the server that forks lives imports, once: all that they do, with failpoints that can be armed later, and what
each fork would import again to find its function (this program's own main module)."""

import os

os.environ["DUBAN_FAILPOINT"] = ""  # read at the import of services.shared.failpoints

import pytest

from services.approvals import main as approvals
from services.complaints import main as complaints
from services.directives import main as directives
from services.inspections import main as inspections
from services.notifications import main as notifications
from services.notifications.web import app
from services.supervision import main
from tests.torture import lives

__all__ = ["app", "approvals", "complaints", "directives", "inspections", "lives", "main", "notifications", "pytest"]
