"""Atheris on the decoder and on what is folded of it: `python -m tests.fuzz.decoder [--seconds N] [--seed N]`.

Ends with exit code 0 when nothing was found; else it prints the traceback and the bytes. It runs in .venv-fuzz, made
from requirements/fuzz.lock at the first call. Every known event type is in the corpus from the start.
"""

import argparse
import importlib.util
import json
import os
import random
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOME = ROOT / ".venv-fuzz"
LOCK = ROOT / "requirements" / "fuzz.lock"


def main() -> None:
    """Hand over to the environment that has atheris, and fuzz there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        python = _environment()
        os.execv(python, [str(python), "-m", "tests.fuzz.decoder", *sys.argv[1:]])  # noqa: S606 our own interpreter
    with tempfile.TemporaryDirectory() as corpus:
        _fuzz(Path(corpus), options.seconds, options.seed)


def _environment() -> Path:
    python, done = HOME / "bin" / "python", HOME / ".done"
    if not done.exists() or done.stat().st_mtime < LOCK.stat().st_mtime:
        venv.create(HOME, with_pip=True, clear=True)
        (HOME / ".gitignore").write_text("*\n")
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", LOCK], check=True)
        done.touch()
    return python


def _fuzz(corpus: Path, seconds: int, seed: int) -> None:
    import atheris  # only in .venv-fuzz

    with atheris.instrument_imports(include=["services.contracts", "services.supervision.domain"]):
        from services.contracts.examples import examples
        from tests.fuzz.folding import can_be_folded
        from tests.fuzz.oracle import judged
        from tests.fuzz.values import FIELDS, NASTY

    good = examples()
    for name, value in good.items():
        (corpus / name).write_bytes(value)

    def check(data: bytes) -> None:
        judged(data)
        can_be_folded(data)

    def spoil(data: bytes, size: int, chance: int) -> bytes:
        """Half of the time another value in the JSON, half of the time libFuzzer's own cuts and flips."""
        pick = random.Random(chance)
        if pick.random() < 0.5:
            return bytes(atheris.Mutate(data, size))
        try:
            record = json.loads(data)
            place = record["data"] if pick.random() < 0.6 else record
            place[pick.choice([*place, *FIELDS])] = pick.choice(NASTY)
            return json.dumps(record).encode()[:size]
        except (ValueError, TypeError, KeyError, RecursionError):
            return pick.choice(list(good.values()))[:size]

    limits = [f"-max_total_time={seconds}", f"-seed={seed}", "-max_len=8192", "-timeout=20", "-rss_limit_mb=2048"]
    folder = f"-artifact_prefix={tempfile.gettempdir()}/"
    atheris.Setup([sys.argv[0], *limits, folder, str(corpus)], check, custom_mutator=spoil)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
