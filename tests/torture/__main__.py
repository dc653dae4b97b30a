"""`python -m tests.torture --minutes 10`: the ledger of a run; exit code 0 only if nothing was lost or duplicated.

Ctrl-C ends it with the ledger so far and exit code 130. `--product --only write,relay` kills at each failpoint that
begins with one of these names, with each kind of event.
"""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.torture.product import chosen, whole
from tests.torture.run import run


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.torture", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1, help="of the cities and of what goes wrong when")
    parser.add_argument("--events", type=int, help="how many, about; without it 100,000 a minute")
    parser.add_argument("--brokers", type=int, choices=(1, 3), default=3)
    parser.add_argument("--json", action="store_true", help="the ledger as JSON")
    parser.add_argument("--keep", action="store_true", help="leave logs and stores where they are, and say where")
    parser.add_argument(
        "--product", action="store_true", help="in place of the run: each failpoint × each kind of event"
    )
    parser.add_argument("--only", default="", metavar="NAME,…", help="with --product: failpoints that begin with these")
    parser.add_argument("--every", type=int, default=1, help="with --product: only every n-th of them")
    options = parser.parse_args()
    try:
        chosen(options.only)
    except ValueError as error:
        parser.error(str(error))
    for number in (signal.SIGINT, signal.SIGTERM):  # SIGINT is ignored by what a shell starts in the background
        signal.signal(number, signal.default_int_handler)
    folder, begun = Path(tempfile.mkdtemp(prefix="duban-torture-")), time.monotonic()

    def tell(line: str) -> None:
        print(f"{time.monotonic() - begun:6.0f} s  {line}", file=sys.stderr, flush=True)

    try:
        if options.product:
            return 0 if whole(folder / "data", tell, options.every, options.only) else 1
        ledger = run(folder / "data", options.minutes, options.seed, tell, options.events, options.brokers)
    finally:
        if options.keep:
            tell(f"left in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print(ledger.as_json() if options.json else ledger.table())
    return 130 if ledger.interrupted else 0 if ledger.good else 1


if __name__ == "__main__":
    sys.exit(main())
