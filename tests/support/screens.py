"""Languages and screens in which browser tests walk through pages: each of both once; DUBAN_LONG=1 takes all pairs."""

import os

SCREENS = [("zh", "desktop"), ("en", "phone")]
if "DUBAN_LONG" in os.environ:
    SCREENS += [("zh", "phone"), ("en", "desktop")]
