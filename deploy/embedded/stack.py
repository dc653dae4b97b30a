"""The embedded stack as an object: start, stop, status, and the handles that tests and the demo need."""

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import psutil

from deploy.embedded import probes, processes
from deploy.embedded.plan import PARTS, ROOT, WORKER_METRICS_PORT, Plan, Refused, layout_of, specs, worker

_STOP_SECONDS = 90.0


class StartFailed(RuntimeError):
    """The stack did not come up; everything that was started has been stopped again."""


@dataclass(frozen=True)
class ProcessStatus:
    """`uptime_seconds` is None for a process that does not run; `detail` says what answered, or why not."""

    name: str
    pid: int | None
    uptime_seconds: float | None
    ports: list[int]
    ready: bool
    detail: str


class Stack:
    """One stack in one data folder. `attached=True` ties its life to this process; otherwise it runs on by itself."""

    def __init__(
        self, data: Path | str = ".duban", *, http_port: int = 8080, kafka_port: int = 19092, mongo_port: int = 27217,
        metrics_port: int = WORKER_METRICS_PORT, brokers: int | None = None, workers: int = 1,
        partitions: int | None = None, only: tuple[str, ...] = PARTS, attached: bool = False,
    ) -> None:  # fmt: skip
        """Raises Refused for counts that make no sense. None takes what the data folder was made with, else 1 and 4."""
        folder = Path(data).absolute()
        layout = layout_of(folder)
        self.attached = attached
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._extra: dict[str, subprocess.Popen[bytes]] = {}
        self._extra_specs: dict[str, processes.Spec] = {}
        self.plan = Plan(
            data=folder, http_port=http_port, kafka_port=kafka_port, mongo_port=mongo_port, metrics_port=metrics_port,
            brokers=brokers or layout.get("brokers", 1), workers=workers,
            partitions=partitions or layout.get("partitions", 4), only=only,
        )  # fmt: skip
        if self.plan.brokers not in (1, 3):
            raise Refused(f"--brokers {self.plan.brokers}: 1, or 3 for replication")

    @classmethod
    def open(cls, data: Path | str) -> Self:
        """The stack that was last started in this folder. Raises FileNotFoundError when there was none."""
        content = json.loads((Path(data) / "stack.json").read_text())
        stack = cls(data)
        stack.plan = replace(Plan.from_json(json.dumps(content["plan"])), data=Path(data).absolute())
        return stack

    @property
    def data(self) -> Path:
        return self.plan.data

    @property
    def http(self) -> str:
        return self.plan.http

    @property
    def brokers(self) -> str:
        return self.plan.bootstrap

    @property
    def mongo(self) -> str:
        return self.plan.mongo

    @property
    def environment(self) -> dict[str, str]:
        """DUBAN_ variables for processes that belong to this stack."""
        return self.plan.environment()

    @property
    def pids(self) -> dict[str, int]:
        """Name -> pid of every process that runs now, extra workers included."""
        found = {name: processes.running(self.data, name) for name in processes.names(self.data)}
        return {name: process.pid for name, process in found.items() if process is not None}

    def is_running(self) -> bool:
        """True while a supervisor holds the lock of the data folder."""
        try:
            with (self.data / "run" / "lock").open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def start(self, progress: Callable[[str], None] = lambda _: None) -> bool:
        """Start and return when everything is ready: True, or False when the stack was running already.

        Raises Refused for a taken port or other counts than the folder was made with, StartFailed with the reason.
        """
        if self.is_running():
            self._await_ready(progress, started=False)
            self.plan = Plan.from_json(json.dumps(self.state()["plan"]))  # what runs, whatever was asked for now
            return False
        self.check_ports()
        (self.data / "logs").mkdir(parents=True, exist_ok=True)
        (self.data / "run").mkdir(exist_ok=True)
        (self.data / "stack.json").unlink(missing_ok=True)
        command = [sys.executable, "-m", "deploy.embedded.supervisor", "--plan", self.plan.to_json()]
        if self.attached:
            command += ["--parent", str(os.getpid())]
        with (self.data / "logs" / "supervisor.log").open("ab") as log:
            self._supervisor = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT,
                start_new_session=True,
            )  # fmt: skip
        try:
            return self._await_ready(progress, started=True)
        except BaseException:  # Ctrl-C while starting must not leave half a stack behind
            self.stop()
            raise

    def stop(self) -> bool:
        """Stop everything in order and wait; True when something ran. A second call does nothing."""
        supervisor = processes.running(self.data, "supervisor")
        ran = supervisor is not None
        if self._supervisor is not None and self._supervisor.poll() is None:  # also before it has written its pid
            self._supervisor.terminate()
        elif supervisor is not None:
            supervisor.terminate()
        processes.wait_until(lambda: self._supervisor_gone(supervisor), _STOP_SECONDS)
        left = [p for name in processes.names(self.data) if (p := processes.running(self.data, name))]
        processes.stop(left, 10)
        for process in self._extra.values():
            process.wait()
        self._extra.clear()
        for name in processes.names(self.data):
            processes.pid_file(self.data, name).unlink(missing_ok=True)
        (self.data / "stack.json").unlink(missing_ok=True)
        return ran or bool(left)

    def status(self) -> list[ProcessStatus]:
        """Every process of the plan and every extra worker, each asked in its own protocol."""
        expected = specs(self.plan, [])
        rows = [self._status(spec.name, list(spec.ports), spec) for spec in expected]
        known = {spec.name for spec in expected}
        supervisor = self._status("supervisor", [], None)
        others = [name for name in self.pids if name not in known and name != "supervisor"]
        extra = [self._status(name, [], self._extra_specs.get(name)) for name in others]
        return [supervisor, *rows, *extra]

    def check_ports(self) -> None:
        """Raises Refused naming the first port that something else listens on, and the option that changes it."""
        for spec in specs(self.plan, []):
            for port in spec.ports:
                if not probes.port_free(port):
                    raise Refused(
                        f"port {port} ({spec.name}) is in use{_who_listens(port)}: stop that program or give another "
                        f"port with {_option(spec.name)}"
                    )

    def hold(self, name: str) -> None:
        """Stop one supervised process and keep it down until `release`: an outage on purpose."""
        (self.data / "run" / f"{name}.hold").touch()
        if not processes.wait_until(lambda: processes.running(self.data, name) is None, 40):
            raise TimeoutError(f"{name} did not stop")

    def release(self, name: str, seconds: float = 60.0) -> None:
        """Let a held process run again and wait until it is ready."""
        (self.data / "run" / f"{name}.hold").unlink(missing_ok=True)
        self.wait_ready(name, seconds)

    def kill(self, name: str) -> int:
        """kill -9 of one process; the supervisor starts a supervised one again. Returns the pid it had."""
        process = processes.running(self.data, name)
        if process is None:
            raise ProcessLookupError(f"{name} does not run")
        process.kill()
        if name in self._extra:
            self._extra.pop(name).wait()
        return process.pid

    def wait_ready(self, name: str, seconds: float = 60.0) -> None:
        """Wait until the process runs and its probe is content. Raises TimeoutError with the reason."""
        last: list[ProcessStatus] = []

        def is_ready() -> bool:
            last[:] = [row for row in self.status() if row.name == name]
            return bool(last) and last[0].ready

        if not processes.wait_until(is_ready, seconds):
            raise TimeoutError(f"{name} not ready: {last[0].detail if last else 'unknown process'}")

    def start_worker(self, name: str, kind: str = "cases", metrics_port: int | None = None) -> subprocess.Popen[bytes]:
        """An extra supervision worker with state of its own; not restarted when it dies, ends with this thread."""
        port = metrics_port or free_ports(1)[0]
        spec = worker(self.plan, kind, name, port)
        process = processes.spawn(spec, data=self.data, cwd=ROOT)
        self._extra[name], self._extra_specs[name] = process, spec
        return process

    def log(self, name: str, lines: int = 40) -> str:
        """The last lines of a process's log."""
        return processes.tail(self.data, name, lines)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def state(self) -> dict[str, Any]:
        """The content of stack.json; empty when there is none."""
        try:
            content: dict[str, Any] = json.loads((self.data / "stack.json").read_text())
        except FileNotFoundError:
            return {}
        return content

    def _await_ready(self, progress: Callable[[str], None], *, started: bool) -> bool:
        while True:
            state = self.state()
            if state.get("phase") == "running":
                return started
            if state.get("phase") == "failed" or (not state and self._ended()) or (state and not self._alive()):
                self._reap()
                raise StartFailed(state.get("error") or f"the supervisor ended:\n{self.log('supervisor')}")
            progress(state.get("detail") or "starting")
            time.sleep(0.1)

    def _ended(self) -> bool:
        return self._supervisor is not None and self._supervisor.poll() is not None

    def _alive(self) -> bool:
        return not self._ended() and (self._supervisor is not None or self.is_running())

    def _reap(self) -> None:
        if self._supervisor is not None:
            self._supervisor.wait(timeout=_STOP_SECONDS)

    def _supervisor_gone(self, supervisor: psutil.Process | None) -> bool:
        if self._supervisor is not None:
            return self._supervisor.poll() is not None
        return supervisor is None or not supervisor.is_running() or supervisor.status() == psutil.STATUS_ZOMBIE

    def _status(self, name: str, ports: list[int], spec: processes.Spec | None) -> ProcessStatus:
        process = processes.running(self.data, name)
        if process is None:
            return ProcessStatus(name, None, None, ports, False, "does not run")
        ready, detail = probes.ready(spec) if spec else (True, "process runs")
        return ProcessStatus(name, process.pid, round(time.time() - process.create_time(), 1), ports, ready, detail)


def free_ports(count: int) -> list[int]:
    """`count` ports of the loopback interface that nothing uses now, all different."""
    import socket

    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


def free_base(width: int = 13, first: int | None = None) -> int:
    """The first of `width` neighbouring free ports: brokers and their controllers lie side by side."""
    start = first or 20_000 + os.getpid() % 500 * 20
    for base in range(start, 32_000, width):
        if all(probes.port_free(base + n) for n in range(width)):
            return base
    raise RuntimeError("no range of free ports below 32000")


def as_json(rows: list[ProcessStatus]) -> list[dict[str, Any]]:
    return [asdict(row) for row in rows]


def _option(name: str) -> str:
    if name.startswith("kafka"):
        return "--kafka-port"
    return {"mongo": "--mongo-port", "gateway": "--http-port"}.get(name, "--metrics-port")


def _who_listens(port: int) -> str:
    """ " by python (pid 123)" when this user may know, else nothing."""
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})" if connection.pid else ""
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        pass
    return ""
