"""The one parent of all processes of a stack: starts them in order, restarts the dead, stops them in reverse order.

Its children die with it (see processes.spawn), it dies with the process named by --parent, and it holds a lock on the
data folder while it lives: so there is one stack a folder, and never an orphan.
"""

import argparse
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from deploy.embedded import jars, kafka, probes, processes, seeding
from deploy.embedded.plan import INFRA, ROOT, SERVICES, Plan, Refused, remember_layout, specs
from deploy.embedded.processes import Spec

_TICK_SECONDS = 0.1
_START_SECONDS = 120.0
_DEATHS_BEFORE_READY = 3
_BACKOFF = (0.2, 10.0)
_HEALTHY_SECONDS = 30.0


class Failed(RuntimeError):
    """The stack did not come up. The message says which process, why, and where its log is."""


@dataclass
class Child:
    """A process that ought to run. `hold` files (run/NAME.hold) keep it down while they exist."""

    spec: Spec
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    not_before: float = 0.0
    backoff: float = _BACKOFF[0]
    ready: bool = False
    deaths: int = 0
    reason: str = field(default="not started")


class Supervisor:
    def __init__(self, plan: Plan, parent: int | None) -> None:
        self.plan, self.parent = plan, parent
        self.stopping = False
        self.phase = "starting"
        self.error: str | None = None
        self.written: object = None
        self.children: list[Child] = []

    def run(self) -> int:
        """Until told to stop. Exit code 0 after an orderly stop, 1 when the stack did not come up."""
        signal.signal(signal.SIGTERM, self._stop_soon)
        signal.signal(signal.SIGINT, self._stop_soon)
        code = 0
        try:
            self._prepare()
            self._bring_up(INFRA)
            if not self.stopping:
                self._between()
                self._bring_up(SERVICES)
            if not self.stopping:
                self._enter("running")
            while not self.stopping:
                self._tick(INFRA, SERVICES)
        except (Failed, Refused, RuntimeError, OSError) as error:
            if not isinstance(error, (Failed, Refused)):
                traceback.print_exc()
            self.error, code = str(error), 1
        self._enter("stopping")
        self._stop_all()
        self._enter("failed" if code else "stopped")
        return code

    def _prepare(self) -> None:
        for name in processes.names(self.plan.data):  # left by a supervisor that was killed before its children were
            if name != "supervisor" and (stranger := processes.running(self.plan.data, name)):
                processes.stop([stranger], 5)
            if name != "supervisor":
                processes.pid_file(self.plan.data, name).unlink(missing_ok=True)
        for hold in (self.plan.data / "run").glob("*.hold"):
            hold.unlink()
        cluster_id = remember_layout(self.plan)
        paths: list[Path] = []
        if "kafka" in self.plan.only:
            paths = jars.fetch(lambda done, total: self._enter("starting", f"Kafka's jars: {done} of {total}"))
            self._enter("starting", "formatting Kafka's storage")
            for number in range(1, self.plan.brokers + 1):
                folder = self.plan.data / "kafka" / str(number)
                log_dir = folder / "log"
                kafka.prepare(folder, kafka.properties(
                    number=number, brokers=self.plan.brokers, kafka_port=self.plan.kafka_port,
                    partitions=self.plan.partitions, log_dir=log_dir,
                ))  # fmt: skip
                if not (log_dir / "meta.properties").exists():
                    kafka.format_storage(paths, folder, cluster_id)
        users_txt = self.plan.data / "users.txt"
        try:
            seeding.seed(self.plan.signing_key_file, self.plan.users_file, users_txt, self.plan.policies)
            seeding.seed_vault(self.plan.vault_keys, self.plan.public_keys, users_txt)
        except ValueError as error:  # an account that cannot be
            raise Refused(str(error)) from None
        self.children = [Child(spec) for spec in specs(self.plan, paths)]

    def _between(self) -> None:
        """What needs a running Kafka and must be done before the services start."""
        if "kafka" in self.plan.only:
            from services.shared import topics_admin

            self._enter("starting", "creating topics")
            topics_admin.apply(self.plan.bootstrap, partitions=self.plan.partitions, replication=self.plan.replication)

    def _bring_up(self, stage: int) -> None:
        waiting = [child for child in self.children if child.spec.stage == stage]
        deadline = time.monotonic() + _START_SECONDS
        while waiting and not self.stopping:
            self._enter("starting", "waiting for " + ", ".join(child.spec.name for child in waiting))
            self._tick(*range(INFRA, stage + 1))
            for child in waiting:
                if child.process is not None:
                    child.ready, child.reason = probes.ready(child.spec)
                if child.deaths >= _DEATHS_BEFORE_READY and not child.ready:
                    raise Failed(self._obituary(child, f"ended {child.deaths} times before it was ready"))
            waiting = [child for child in waiting if not child.ready]
            if waiting and time.monotonic() > deadline:
                late = waiting[0]
                raise Failed(self._obituary(late, f"was not ready after {_START_SECONDS:.0f} s: {late.reason}"))

    def _obituary(self, child: Child, what: str) -> str:
        name = child.spec.name
        log = self.plan.data / "logs" / f"{name}.log"
        return f"{name} {what}. Last lines of {log}:\n{processes.tail(self.plan.data, name)}"

    def _tick(self, *stages: int) -> None:
        """One look at everything: end when the parent is gone, reap, restart what is due."""
        if self.parent is not None and os.getppid() != self.parent:
            self.stopping = True
            return
        now = time.monotonic()
        changed = False
        for child in self.children:
            if child.spec.stage not in stages:
                continue
            if child.process is not None and (code := child.process.poll()) is not None:
                self._bury(child, code, now)
                changed = True
            held = (self.plan.data / "run" / f"{child.spec.name}.hold").exists()
            if held and child.process is not None:
                processes.stop([psutil.Process(child.process.pid)], child.spec.stop_seconds)
            elif not held and child.process is None and now >= child.not_before:
                child.process = processes.spawn(child.spec, data=self.plan.data, cwd=ROOT)
                child.started_at = now
                changed = True
        if changed:
            self._enter(self.phase)
        time.sleep(_TICK_SECONDS)

    def _bury(self, child: Child, code: int, now: float) -> None:
        healthy = now - child.started_at > _HEALTHY_SECONDS
        child.backoff = _BACKOFF[0] if healthy else min(child.backoff * 2, _BACKOFF[1])
        child.not_before, child.process = now + child.backoff, None
        child.deaths += 1
        print(f"{child.spec.name} ended with {code}; again in {child.backoff:.1f} s", flush=True)

    def _stop_all(self) -> None:
        """Services first, then what they stand on; extra workers that tests and demos started go with them."""
        own = {child.spec.name for child in self.children}
        extra = [
            process for name in processes.names(self.plan.data) if name not in own and name != "supervisor"
            if (process := processes.running(self.plan.data, name))
        ]  # fmt: skip
        processes.stop(extra, 10)
        for stage in (SERVICES, INFRA):
            group = [child for child in self.children if child.spec.stage == stage and child.process is not None]
            living = []
            for child in group:
                if child.process is not None and child.process.poll() is None:
                    living.append(psutil.Process(child.process.pid))
            processes.stop(living, max((child.spec.stop_seconds for child in group), default=10.0))
            for child in group:
                if child.process is not None:
                    child.process.wait()
        for name in processes.names(self.plan.data):
            if name != "supervisor":
                processes.pid_file(self.plan.data, name).unlink(missing_ok=True)

    def _stop_soon(self, *_: object) -> None:
        self.stopping = True

    def _enter(self, phase: str, detail: str = "") -> None:
        self.phase = phase
        pids = {child.spec.name: child.process.pid for child in self.children if child.process is not None}
        if self.written != (phase, detail, pids):
            write_stack_file(self.plan, phase, detail, self.error, pids)
            self.written = (phase, detail, pids)


def write_stack_file(plan: Plan, phase: str, detail: str, error: str | None, pids: dict[str, int]) -> None:
    """stack.json, readable by its owner only: where the stack listens and what it is doing."""
    content = {
        "phase": phase, "detail": detail, "error": error, "http": plan.http, "brokers": plan.bootstrap,
        "mongo": plan.mongo, "vault": plan.vault, "signing_key_file": str(plan.signing_key_file),
        "users_file": str(plan.users_file), "data": str(plan.data), "partitions": plan.partitions,
        "replication": plan.replication, "pids": {"supervisor": os.getpid(), **pids},
        "plan": json.loads(plan.to_json()),
    }  # fmt: skip
    path = plan.data / "stack.json"
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file, indent=1)
    draft.replace(path)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.embedded.supervisor")
    parser.add_argument("--plan", required=True, help="the plan as JSON")
    parser.add_argument("--parent", type=int, help="stop when this process is no longer the parent")
    arguments = parser.parse_args()
    plan = Plan.from_json(arguments.plan)
    (plan.data / "run").mkdir(parents=True, exist_ok=True)
    lock = (plan.data / "run" / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"another supervisor holds {plan.data}", file=sys.stderr)
        return 3
    processes.write_pid(plan.data, "supervisor", os.getpid())
    code = Supervisor(plan, arguments.parent).run()
    processes.pid_file(plan.data, "supervisor").unlink(missing_ok=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
