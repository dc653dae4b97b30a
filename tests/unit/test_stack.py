"""What of the embedded stack needs no processes: plans, layouts, the jars' lock, the gateway, missing stacks."""

import asyncio
import json
import socket
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from typer.testing import CliRunner

from deploy.embedded import gateway, jars, kafka
from deploy.embedded.plan import PARTS, Plan, Refused, parse_only, remember_layout, specs
from deploy.embedded.stack import Stack
from duban.main import app
from tests.support.no_network import no_network


def test_only_names_parts_and_keeps_the_order_of_starting() -> None:
    assert parse_only(None) == PARTS
    assert parse_only("mongo, kafka") == ("kafka", "mongo")
    with pytest.raises(Refused, match="no part called zookeeper"):
        parse_only("kafka,zookeeper")


def test_processes_of_a_plan_have_names_and_ports_of_their_own(tmp_path: Path) -> None:
    found = specs(Plan(data=tmp_path, brokers=3, workers=3), [])
    ports = [port for spec in found for port in spec.ports]
    names = [spec.name for spec in found]
    assert len(ports) == len(set(ports))
    assert len(names) == len(set(names))
    assert names[:4] == ["kafka-1", "kafka-2", "kafka-3", "mongo"]
    folders = [spec.env["DUBAN_STATE_DIR"] for spec in found if spec.name.startswith(("cases", "subjects"))]
    assert len(set(folders)) == 4


def test_three_brokers_keep_three_copies_and_want_two(tmp_path: Path) -> None:
    text = kafka.properties(number=2, brokers=3, kafka_port=19092, partitions=4, log_dir=tmp_path)
    assert "listeners=PLAINTEXT://127.0.0.1:19093,CONTROLLER://127.0.0.1:19103" in text
    assert "default.replication.factor=3" in text
    assert "min.insync.replicas=2" in text
    assert "1@127.0.0.1:19102,2@127.0.0.1:19103,3@127.0.0.1:19104" in text


def test_a_folder_is_not_started_with_other_counts(tmp_path: Path) -> None:
    first = remember_layout(Plan(data=tmp_path, partitions=4))
    assert remember_layout(Plan(data=tmp_path, partitions=4)) == first
    with pytest.raises(Refused, match="--partitions 4"):
        remember_layout(Plan(data=tmp_path, partitions=8))
    with pytest.raises(Refused, match="--brokers 1"):
        remember_layout(Plan(data=tmp_path, brokers=3))
    assert Stack(tmp_path).plan.partitions == 4


def test_two_brokers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="1, or 3"):
        Stack(tmp_path, brokers=2)


def test_a_plan_survives_its_json(tmp_path: Path) -> None:
    plan = Plan(data=tmp_path, only=("kafka",), workers=2)
    assert Plan.from_json(plan.to_json()) == plan


def test_mail_is_a_process_only_where_a_mail_server_is_named_and_stays_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "mail" not in [spec.name for spec in specs(Plan(data=tmp_path), [])]
    monkeypatch.setenv("DUBAN_MAIL_IMAP_HOST", "imap.city.example")
    plan = Plan(data=tmp_path)
    monkeypatch.delenv("DUBAN_MAIL_IMAP_HOST")
    (mail,) = [spec for spec in specs(Plan.from_json(plan.to_json()), []) if spec.name == "mail"]
    assert mail.probe.endswith("/health/live"), "a mail server that is away keeps no stack from starting"


def test_the_mail_server_of_the_tests_is_pinned() -> None:
    (jar,) = jars.locked(jars.GREENMAIL)
    assert (jar.coordinate, len(jar.sha256)) == (*jars.GREENMAIL.alone, 64)


def test_the_lock_holds_kafka_and_its_clients_in_one_version() -> None:
    versions = {jar.coordinate.split(":")[1]: jar.coordinate.split(":")[2] for jar in jars.locked()}
    assert versions["kafka_2.13"] == jars.KAFKA_VERSION
    assert {version for name, version in versions.items() if name.startswith("kafka")} == {jars.KAFKA_VERSION}
    assert all(len(jar.sha256) == 64 for jar in jars.locked())


def service(path: str, status: int = 200) -> FastAPI:
    found = FastAPI()
    found.add_api_route("/health/ready", lambda: {"service": path}, status_code=status)
    found.add_api_route("/v1/where", lambda: {"service": path})
    return found


def ask(application: object, *paths: str) -> list[httpx.Response]:
    async def run() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=application)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return [await client.get(path) for path in paths]

    return asyncio.run(run())


def test_gateway_routes_by_path_and_the_board_takes_the_rest() -> None:
    mounted = gateway.build({path: service(name) for path, name in gateway.MOUNTS.items()})
    paths = [f"{path}/v1/where" for path in gateway.MOUNTS]
    answers = ask(mounted, *paths, "/health/ready")
    assert [answer.json()["service"] for answer in answers[:-1]] == list(gateway.MOUNTS.values())
    assert answers[-1].json() == {"status": "ready"}


def test_gateway_is_not_ready_while_one_service_is_not() -> None:
    mounted = gateway.build({"/complaints": service("complaints"), "": service("notifications", 503)})
    ready, live = ask(mounted, "/health/ready", "/health/live")
    assert ready.status_code == 503
    assert list(ready.json()["services"]) == ["/"]
    assert live.status_code == 200


@pytest.mark.parametrize(
    "command", [["topics", "check"], ["dead-letters", "list"], ["dead-letters", "replay", "--all"]]
)
def test_a_command_without_a_stack_says_so_and_ends_with_two(tmp_path: Path, command: list[str]) -> None:
    answer = CliRunner().invoke(app, [*command, "--data", str(tmp_path)])
    assert answer.exit_code == 2
    assert "duban up --data" in answer.output


def test_a_killed_stack_is_told_from_a_running_one(tmp_path: Path) -> None:
    content = {
        "phase": "running", "http": "h", "brokers": "b", "mongo": "m", "signing_key_file": "k", "users_file": "u",
        "data": str(tmp_path), "partitions": 4, "replication": 1, "pids": {},
    }  # fmt: skip
    (tmp_path / "stack.json").write_text(json.dumps(content))
    answer = CliRunner().invoke(app, ["topics", "check", "--data", str(tmp_path)])
    assert answer.exit_code == 2
    assert "was killed" in answer.output
    (tmp_path / "stack.json").write_text("{")
    assert "not readable" in CliRunner().invoke(app, ["topics", "check", "--data", str(tmp_path)]).output


def test_status_without_a_stack_ends_with_one(tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["status", "--data", str(tmp_path)]).exit_code == 1


def test_unit_tests_have_no_way_out() -> None:
    with no_network() as attempts:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", 9), timeout=1)
        left, right = socket.socketpair()
        left.close(), right.close()
    assert attempts == ["('127.0.0.1', 9)"]
