"""Child processes that cannot outlive their parent, and pid files that cannot point at a stranger. Linux only."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_PR_SET_PDEATHSIG = 1
_LOG_LIMIT = 20 * 1024 * 1024
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Spec:
    """One process of the stack. `probe` is "kafka:PORT:NODE", "mongo:PORT", "http:URL" or "alive"."""

    name: str
    command: list[str]
    probe: str = "alive"
    ports: tuple[int, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    stage: int = 2
    stop_seconds: float = 10.0


def spawn(spec: Spec, *, data: Path, cwd: Path) -> subprocess.Popen[bytes]:
    """Start the process in a session of its own, its output in logs/NAME.log and its pid in run/NAME.pid.

    The kernel kills it when the thread that called this ends, however it ends: call it from a thread that lives long.
    """
    log = data / "logs" / f"{spec.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))
    parent = os.getpid()

    def die_with_parent() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent died between fork and prctl
            os._exit(1)

    with log.open("ab") as output:
        process = subprocess.Popen(
            spec.command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=cwd,
            env={**os.environ, **spec.env}, start_new_session=True, preexec_fn=die_with_parent,
        )  # fmt: skip
    write_pid(data, spec.name, process.pid)
    return process


def pid_file(data: Path, name: str) -> Path:
    return data / "run" / f"{name}.pid"


def write_pid(data: Path, name: str, pid: int) -> None:
    """Write "PID START_TIME": the start time tells this process from a later one with the same number."""
    path = pid_file(data, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        started = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        started = 0.0
    draft = path.with_suffix(".new")
    draft.write_text(f"{pid} {started}\n")
    draft.replace(path)


def running(data: Path, name: str) -> psutil.Process | None:
    """The live process that the pid file names, or None when there is none (also when the number was reused)."""
    try:
        pid, started = pid_file(data, name).read_text().split()
        process = psutil.Process(int(pid))
        if abs(process.create_time() - float(started)) < 0.01 and process.status() != psutil.STATUS_ZOMBIE:
            return process
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        pass
    return None


def names(data: Path) -> list[str]:
    """Every process that has a pid file, living or not."""
    return sorted(path.stem for path in (data / "run").glob("*.pid"))


def stop(processes: Iterable[psutil.Process], seconds: float) -> None:
    """Ask the processes to end, wait up to `seconds`, kill those that are left and wait for them too."""
    alive = []
    for process in processes:
        try:
            process.terminate()
            alive.append(process)
        except psutil.NoSuchProcess:
            continue
    _, alive = psutil.wait_procs(alive, timeout=seconds)
    for process in alive:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(alive, timeout=10)


def tail(data: Path, name: str, lines: int = 8) -> str:
    """The last lines of the process's log."""
    try:
        content = (data / "logs" / f"{name}.log").read_bytes()[-8000:].decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(content.splitlines()[-lines:])


def wait_until(condition, seconds: float, every: float = 0.1) -> bool:  # type: ignore[no-untyped-def]
    """Poll `condition()` until it is true; False when `seconds` have passed first."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True
