"""Two processes of one engine, one for each fold: `python -m benchmarks.full.pair MODULE JOB`. Ends with either."""

import subprocess
import sys
import time

from benchmarks import engines

KINDS = ("cases", "subjects")


def main(module: str, job: str) -> int:
    both = [
        subprocess.Popen([sys.executable, "-m", module, job, kind], preexec_fn=engines.die_with_parent)
        for kind in KINDS
    ]
    while all(process.poll() is None for process in both):
        time.sleep(0.2)
    ended = next(process for process in both if process.poll() is not None)
    for process in both:
        process.kill()
        process.wait()
    return ended.returncode or 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], sys.argv[2]))
