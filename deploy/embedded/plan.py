"""What a stack consists of: chosen ports and counts, and from them every process with its command and environment."""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from deploy.embedded import kafka
from deploy.embedded.processes import Spec

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("kafka", "mongo", "vault", "gateway", "relay", "mail", "cases", "subjects", "notifications", "metrics")
INFRA, SERVICES = 1, 2
WORKER_METRICS_PORT = 9101
STORE_VARIABLE = "DUBAN_EMBEDDED_STORE"
MAIL_VARIABLE = "DUBAN_MAIL_IMAP_HOST"


class Refused(RuntimeError):
    """The stack cannot be started as asked. The message says why and what to do."""


@dataclass(frozen=True)
class Plan:
    """`partitions` and `brokers` are fixed by the first start of a data folder (layout.json). `mail`: the environment
    names a mail server."""

    data: Path
    http_port: int = 8080
    kafka_port: int = 19092
    mongo_port: int = 27217
    metrics_port: int = WORKER_METRICS_PORT
    brokers: int = 1
    workers: int = 1
    partitions: int = 4
    only: tuple[str, ...] = PARTS
    mail: bool = field(default_factory=lambda: bool(os.environ.get(MAIL_VARIABLE)))

    @property
    def bootstrap(self) -> str:
        return ",".join(f"127.0.0.1:{self.kafka_port + n}" for n in range(self.brokers))

    @property
    def mongo(self) -> str:
        """Every acknowledged write is in the synced journal, unless the operation itself asks for less."""
        return f"mongodb://127.0.0.1:{self.mongo_port}/?journal=true"

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def vault_port(self) -> int:
        return self.metrics_port + 5

    @property
    def vault(self) -> str:
        return f"http://127.0.0.1:{self.vault_port}"

    @property
    def replication(self) -> int:
        return 3 if self.brokers >= 3 else 1

    @property
    def policies(self) -> Path:
        return Path(os.environ.get("DUBAN_POLICIES") or ROOT / "policies").absolute()

    @property
    def signing_key_file(self) -> Path:
        return self.data / "keys" / "signing.jwk"

    @property
    def users_file(self) -> Path:
        return self.data / "keys" / "users.yaml"

    @property
    def public_keys(self) -> Path:
        return self.data / "keys" / "public"

    @property
    def vault_keys(self) -> Path:
        return self.data / "keys" / "vault"

    def environment(self) -> dict[str, str]:
        """The DUBAN_ variables that every process of this stack gets."""
        return {
            "DUBAN_BROKERS": self.bootstrap,
            "DUBAN_MONGO": self.mongo,
            "DUBAN_POLICIES": str(self.policies),
            "DUBAN_DATA": str(self.data),
            "DUBAN_SIGNING_KEY_FILE": str(self.signing_key_file),
            "DUBAN_USERS_FILE": str(self.users_file),
            "DUBAN_PUBLIC_KEYS": str(self.public_keys),
            "DUBAN_VAULT_URL": self.vault,
            "DUBAN_PUBLIC_URL": os.environ.get("DUBAN_PUBLIC_URL") or f"{self.http}/complaints",
            "DUBAN_AUDIT_HEADS_FILE": str(self.data / "audit" / "heads.jsonl"),
            "DUBAN_STATE_DIR": str(self.data / "state"),
            "DUBAN_CHECKPOINT_DIR": str(self.data / "checkpoints"),
            "DUBAN_PARTITIONS": str(self.partitions),
            "DUBAN_REPLICATION": str(self.replication),
            "PYTHONUNBUFFERED": "1",
        }

    def to_json(self) -> str:
        return json.dumps({**asdict(self), "data": str(self.data)}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        fields = json.loads(text)
        return cls(**{**fields, "data": Path(fields["data"]), "only": tuple(fields["only"])})


def parse_only(text: str | None) -> tuple[str, ...]:
    """The parts named in "kafka,mongo"; all of them for None. Raises Refused for a name that is no part."""
    if text is None:
        return PARTS
    chosen = tuple(part.strip() for part in text.split(",") if part.strip())
    if unknown := [part for part in chosen if part not in PARTS]:
        raise Refused(f"no part called {', '.join(unknown)}: there are {', '.join(PARTS)}")
    return tuple(part for part in PARTS if part in chosen)


def remember_layout(plan: Plan) -> str:
    """Fix brokers, partitions and cluster id of this data folder at its first start; return the cluster id.

    Raises Refused when the folder was made with other numbers: Kafka would lose data or mix up the order of cases.
    """
    path = plan.data / "layout.json"
    if not path.exists():
        layout = {"brokers": plan.brokers, "partitions": plan.partitions, "cluster_id": kafka.new_cluster_id()}
        path.write_text(json.dumps(layout) + "\n")
    layout = json.loads(path.read_text())
    for name in ("brokers", "partitions"):
        if layout[name] != getattr(plan, name):
            raise Refused(
                f"the data in {plan.data} was made with --{name} {layout[name]}, not {getattr(plan, name)}: "
                f"give --{name} {layout[name]}, or another --data folder"
            )
    return str(layout["cluster_id"])


def layout_of(data: Path) -> dict[str, int]:
    """`brokers` and `partitions` of an existing data folder; empty for a new one."""
    path = data / "layout.json"
    return json.loads(path.read_text()) if path.exists() else {}


def specs(plan: Plan, jars: Sequence[Path]) -> list[Spec]:
    """Every process of the plan in the order of starting."""
    found: list[Spec] = []
    for part in plan.only:
        found += _BUILDERS[part](plan, jars)
    return found


def worker(plan: Plan, kind: str, name: str, metrics_port: int) -> Spec:
    """One supervision worker ("cases" or "subjects") with state of its own under `name`."""
    env = {
        **plan.environment(), "DUBAN_STATE_DIR": str(plan.data / "state" / name), "DUBAN_MEMBER": name,
    }  # fmt: skip
    command = [sys.executable, "-m", "services.supervision.main", kind, "--port", str(metrics_port)]
    return Spec(name, command, f"http:http://127.0.0.1:{metrics_port}/health/ready", (metrics_port,), env, SERVICES)


def _kafka(plan: Plan, jars: Sequence[Path]) -> list[Spec]:
    found = []
    for number in range(1, plan.brokers + 1):
        folder = plan.data / "kafka" / str(number)
        port = plan.kafka_port + number - 1
        command = kafka.command(jars, "kafka.Kafka", folder, str(folder / "server.properties"))
        ports = (port, kafka.controller_port(plan.kafka_port, number))
        probe = f"kafka:{port}:{number}:{plan.brokers}"
        found.append(Spec(f"kafka-{number}", command, probe, ports, {}, INFRA, stop_seconds=20.0))
    return found


def _mongo(plan: Plan, _: Sequence[Path]) -> list[Spec]:
    """Syncs its journal where a write asks for it (see Plan.mongo). --standalone: no replication log beside the
    journal, and no record of retryable writes, all of which it would walk through at each write.

    DUBAN_EMBEDDED_STORE names a program to start in its place, with the same arguments: secantusd-rs.
    """
    program = os.environ.get(STORE_VARIABLE)
    command = [
        *([program] if program else [sys.executable, "-m", "secantus"]), "--host", "127.0.0.1", "--port",
        str(plan.mongo_port), "--storage-path", str(plan.data / "mongo"), "--cache-size", "256M", "--log-level",
        "WARNING", "--standalone",
    ]  # fmt: skip
    return [Spec("mongo", command, f"mongo:{plan.mongo_port}", (plan.mongo_port,), {}, INFRA, stop_seconds=20.0)]


def _vault(plan: Plan, _: Sequence[Path]) -> list[Spec]:
    """It alone is told where the private keys are."""
    spec = _with_metrics(plan, "vault", ["services.vault.main", "serve"], plan.vault_port)
    return [replace(spec, env={**spec.env, "DUBAN_VAULT_KEYS": str(plan.vault_keys)})]


def _gateway(plan: Plan, _: Sequence[Path]) -> list[Spec]:
    command = [sys.executable, "-m", "deploy.embedded.gateway", "--port", str(plan.http_port)]
    probe = f"http:{plan.http}/health/ready"
    return [Spec("gateway", command, probe, (plan.http_port,), plan.environment(), SERVICES)]


def _relay(plan: Plan, _: Sequence[Path]) -> list[Spec]:
    return [_with_metrics(plan, "relay", ["deploy.embedded.relay"], plan.metrics_port)]


def _mail(plan: Plan, _: Sequence[Path]) -> list[Spec]:
    """Asked whether it lives: that a mail server is away keeps no stack from starting."""
    if not plan.mail:
        return []
    port = plan.metrics_port + 6
    spec = _with_metrics(plan, "mail", ["services.complaints.main", "mail"], port)
    return [replace(spec, probe=f"http:http://127.0.0.1:{port}/health/live")]


def _cases(plan: Plan, _: Sequence[Path]) -> list[Spec]:
    return [worker(plan, "cases", f"cases-{n}", plan.metrics_port + 9 + n) for n in range(1, plan.workers + 1)]


def _subjects(plan: Plan, _: Sequence[Path]) -> list[Spec]:
    return [worker(plan, "subjects", "subjects-1", plan.metrics_port + 1)]


def _notifications(plan: Plan, _: Sequence[Path]) -> list[Spec]:
    return [_with_metrics(plan, "notifications", ["services.notifications.main", "consume"], plan.metrics_port + 2)]


def _metrics(plan: Plan, _: Sequence[Path]) -> list[Spec]:
    return [_with_metrics(plan, "metrics", ["services.metrics.main", "consume"], plan.metrics_port + 3)]


def _with_metrics(plan: Plan, name: str, module: list[str], port: int) -> Spec:
    command = [sys.executable, "-m", *module, "--port", str(port)]
    probe = f"http:http://127.0.0.1:{port}/health/ready"
    return Spec(name, command, probe, (port,), plan.environment(), SERVICES)


_BUILDERS = {
    "kafka": _kafka, "mongo": _mongo, "vault": _vault, "gateway": _gateway, "relay": _relay, "mail": _mail,
    "cases": _cases, "subjects": _subjects, "notifications": _notifications, "metrics": _metrics,
}  # fmt: skip
