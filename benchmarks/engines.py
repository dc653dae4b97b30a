"""How the process of each engine is started, and which engines this machine has. Free of what they compute."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import msgspec

from benchmarks.job import Job

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / ".venv-bench" / "bin" / "python"
JAVA = ROOT / "benchmarks" / "peers" / "kafka-streams"
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
_HEAP = ("-Xms256m", "-Xmx1g")


class Missing(RuntimeError):
    """An engine is not there. The message is one line that says what to do."""


class Engine(msgspec.Struct, frozen=True, kw_only=True):
    """`module` is run by the project's Python, a `peer` by that of .venv-bench; `share` of the events is enough.
    `hosts` is handed on to a module that starts others."""

    name: str
    module: str
    peer: bool = False
    share: float = 1.0
    hosts: str = ""

    def command(self, job: Job) -> list[str]:
        if self.module == "java":
            return [*_java(), job.brokers, job.inputs[0], job.output, job.group, job.state, str(job.interval)]
        hosts = [self.hosts] if self.hosts else []
        return [str(PEERS) if self.peer else sys.executable, "-m", self.module, *hosts, job.argument()]


def prepare(engine: Engine) -> None:
    """Build what has to be built before the first run. Raises Missing."""
    if engine.module == "java":
        _java()
    elif engine.peer and not PEERS.exists():
        raise Missing(f"{engine.name} left out: .venv-bench is not there (make bench makes it)")


def start(engine: Engine, job: Job, log: Path) -> subprocess.Popen[bytes]:
    """The engine's process, its output in `log`; `stop` ends it."""
    Path(job.state).mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            engine.command(job), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}, start_new_session=True,
            preexec_fn=die_with_parent,
        )  # fmt: skip


def stop(process: subprocess.Popen[bytes], seconds: float = 5.0) -> None:
    """End the process and its children, which are a group of their own: politely, then not."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    with suppress(ProcessLookupError):  # nobody of the group is left
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def die_with_parent() -> None:
    """Whatever ends the benchmark, even kill -9, leaves no engine behind. Linux only."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _java() -> list[str]:
    java, maven = shutil.which("java"), shutil.which("mvn")
    jar = JAVA / "target" / "minimal.jar"
    sources = [JAVA / "pom.xml", *JAVA.glob("src/**/*.java")]
    if java is None or (maven is None and not jar.exists()):
        raise Missing("kafka-streams left out: apt-get install maven default-jdk-headless")
    if not jar.exists() or jar.stat().st_mtime < max(path.stat().st_mtime for path in sources):
        built = subprocess.run(
            [str(maven), "-q", "-B", "package"], cwd=JAVA, capture_output=True, text=True, check=False
        )
        if built.returncode != 0:
            raise Missing(f"kafka-streams left out, mvn package failed: {(built.stdout + built.stderr)[:200]!r}")
    return [java, *_HEAP, "-cp", f"{jar}:{JAVA / 'target' / 'lib'}/*", "duban.bench.Main"]
