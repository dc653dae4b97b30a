"""The embedded stack from outside: the command line, taken ports, killed parents, outages on purpose."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from pymongo import MongoClient

from deploy.embedded import processes
from deploy.embedded.plan import ROOT
from deploy.embedded.stack import Stack
from tests.support.stack import INFRASTRUCTURE, eventually, new_stack

pytestmark = pytest.mark.stack


def duban(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "duban.main", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)


def up_arguments(stack: Stack) -> list[str]:
    plan = stack.plan
    return [
        "up", "--data", str(plan.data), "--only", "kafka,mongo", "--kafka-port", str(plan.kafka_port),
        "--mongo-port", str(plan.mongo_port), "--http-port", str(plan.http_port),
    ]  # fmt: skip


def living(pids: list[int]) -> list[int]:
    return [p for p in pids if psutil.pid_exists(p) and psutil.Process(p).status() != psutil.STATUS_ZOMBIE]


def test_up_twice_status_and_down(tmp_path: Path) -> None:
    stack = new_stack(tmp_path / "city", INFRASTRUCTURE)
    data = ["--data", str(stack.data)]
    try:
        first = duban(*up_arguments(stack))
        assert first.returncode == 0, first.stderr
        assert "ready" in first.stdout
        again = duban(*up_arguments(stack))
        assert again.returncode == 0
        assert "already running" in again.stdout

        answer = duban("status", *data, "--json")
        assert answer.returncode == 0
        status = json.loads(answer.stdout)
        assert status["ready"] is True
        assert {row["name"] for row in status["processes"]} == {"supervisor", "kafka-1", "mongo"}
        assert all(row["pid"] and row["uptime_seconds"] >= 0 for row in status["processes"])
        assert (stack.data / "stack.json").stat().st_mode & 0o777 == 0o600
        pids = [row["pid"] for row in status["processes"]]
    finally:
        down = duban("down", *data)
    assert down.returncode == 0
    assert "stopped" in down.stdout
    assert living(pids) == []
    assert duban("status", *data).returncode == 1
    assert "nothing of a stack was running" in duban("down", *data).stdout


def test_taken_port_is_named_with_what_to_do(tmp_path: Path) -> None:
    stack = new_stack(tmp_path / "city", INFRASTRUCTURE)
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", stack.plan.kafka_port))
        squatter.listen()
        answer = duban(*up_arguments(stack))
    assert answer.returncode == 2
    assert f"port {stack.plan.kafka_port} (kafka-1) is in use" in answer.stderr
    assert "--kafka-port" in answer.stderr
    assert not stack.is_running()


def test_nothing_outlives_a_killed_supervisor_and_up_recovers(tmp_path: Path) -> None:
    stack = new_stack(tmp_path / "city", INFRASTRUCTURE)
    stack.start()
    try:
        MongoClient(stack.mongo).probe.kept.insert_one({"_id": 1})
        pids = stack.pids
        os.kill(pids["supervisor"], signal.SIGKILL)
        eventually(lambda: living([pids["kafka-1"], pids["mongo"]]) == [], 15)
        second = new_stack(stack.data, INFRASTRUCTURE)
        second.start()
        assert MongoClient(second.mongo).probe.kept.count_documents({}) == 1
        second.stop()
    finally:
        stack.stop()


def test_nothing_outlives_a_killed_caller(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from tests.support.stack import *\n"
        "stack = new_stack(Path(sys.argv[1]), ('mongo',)); stack.start(); print('up', flush=True); input()"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "city")]
    caller = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert caller.stdout is not None
    assert caller.stdout.readline().strip() == "up"
    pids = list(Stack.open(tmp_path / "city").pids.values())
    assert len(pids) == 2
    caller.kill()
    caller.wait()
    eventually(lambda: living(pids) == [], 40)


def test_ctrl_c_while_starting_leaves_nothing(tmp_path: Path) -> None:
    stack = new_stack(tmp_path / "city", INFRASTRUCTURE)
    command = [sys.executable, "-m", "duban.main", *up_arguments(stack)]
    up = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    eventually(lambda: "mongo" in stack.pids, 60)
    pids = list(stack.pids.values())
    up.send_signal(signal.SIGINT)
    _, errors = up.communicate(timeout=60)
    assert up.returncode == 130
    assert "nothing is left running" in errors
    assert living(pids) == []
    assert not stack.is_running()


def test_a_killed_process_comes_back_and_a_held_one_does_not(infra: Stack) -> None:
    killed = infra.kill("mongo")
    eventually(lambda: infra.pids.get("mongo") not in (None, killed))
    infra.wait_ready("mongo")
    infra.hold("mongo")
    assert "mongo" not in infra.pids
    infra.release("mongo")
    assert MongoClient(infra.mongo).admin.command("hello")["isWritablePrimary"]


def test_a_pid_file_of_another_process_is_not_believed(tmp_path: Path) -> None:
    processes.write_pid(tmp_path, "mongo", os.getpid())
    assert processes.running(tmp_path, "mongo") is not None
    processes.pid_file(tmp_path, "mongo").write_text(f"{os.getpid()} 1.0\n")
    assert processes.running(tmp_path, "mongo") is None


def test_a_folder_keeps_the_counts_it_was_made_with(tmp_path: Path, infra: Stack) -> None:
    answer = duban("up", "--data", str(infra.data), "--partitions", "7", "--only", "kafka,mongo")
    assert answer.returncode == 0  # it runs already: nothing is asked of it
    (tmp_path / "layout.json").write_text('{"brokers": 1, "partitions": 4, "cluster_id": "x"}')
    stack = new_stack(tmp_path, INFRASTRUCTURE, partitions=7)
    with pytest.raises(Exception, match="--partitions 4"):
        stack.start()
    assert not stack.is_running()
