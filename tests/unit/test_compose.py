"""docker-compose.yml, the image, Prometheus and Grafana fit this code base. Read and resolved, not run."""

import importlib
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer
import yaml
from prometheus_client import REGISTRY

from services.shared.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OWN = {name: service for name, service in SERVICES.items() if service["image"].startswith("duban:")}
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
TELEMETRY = (
    "services.shared.source_telemetry", "services.notifications.telemetry", "services.supervision.telemetry",
    "services.complaints.telemetry", "services.vault.telemetry", "services.shared.audit.heads",
)  # fmt: skip


def test_compose_file_is_valid_by_the_compose_specification() -> None:
    schema = json.loads((ROOT / "tests" / "support" / "schemas" / "compose-spec.json").read_text("utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    assert [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(COMPOSE)] == []


def test_the_validator_would_notice_a_mistake() -> None:
    schema = json.loads((ROOT / "tests" / "support" / "schemas" / "compose-spec.json").read_text("utf-8"))
    wrong = {"services": {"mongo": {**SERVICES["mongo"], "imagee": "mongo"}}}
    assert not jsonschema.Draft202012Validator(schema).is_valid(wrong)


@pytest.mark.parametrize("name", SERVICES)
def test_service_is_pinned_healthy_and_not_root(name: str) -> None:
    service = SERVICES[name]
    tag = service["image"].partition(":")[2]
    assert re.fullmatch(r"v?\d+\.\d+\.\d+", tag), f"{service['image']} is not pinned to a version"
    assert service["user"].partition(":")[0] not in ("", "0", "root")
    assert "healthcheck" in service
    assert service["healthcheck"].get("test") or name == "setup"


@pytest.mark.parametrize("name", SERVICES)
def test_networks_volumes_and_dependencies_exist(name: str) -> None:
    service = SERVICES[name]
    assert set(service["networks"]) <= set(COMPOSE["networks"])
    assert set(service.get("secrets", ())) <= set(COMPOSE.get("secrets", {}))
    assert set(service.get("depends_on", ())) <= set(SERVICES)
    for volume in service.get("volumes", ()):
        source = volume.partition(":")[0]
        if source.startswith("."):
            assert (ROOT / source).exists(), f"{source} is not in the project"
        else:
            assert source in COMPOSE["volumes"]


@pytest.mark.parametrize("name", OWN)
def test_command_resolves_in_this_code_base(name: str) -> None:
    python, flag, module, *arguments = OWN[name]["command"]
    assert (python, flag) == ("python", "-m")
    loaded = importlib.import_module(module)
    if not arguments:
        assert callable(loaded.main)
        return
    subcommand, *options = arguments
    command = _commands(loaded)[subcommand]
    known = {text for parameter in command.params for text in parameter.opts}
    assert {text for text in options if text.startswith("--")} <= known
    assert options[options.index("--port") + 1] == "8000"  # where HEALTHCHECK and Prometheus look


@pytest.mark.parametrize("name", OWN)
def test_environment_is_known_to_settings(name: str) -> None:
    fields = {f"DUBAN_{field.upper()}" for field in Settings.model_fields}
    assert set(OWN[name]["environment"]) <= fields
    values = {key: _default(value) for key, value in OWN[name]["environment"].items()}
    Settings(**{key.removeprefix("DUBAN_").lower(): value for key, value in values.items()})


def test_no_two_workers_share_a_state_folder() -> None:
    volumes = [volume for service in OWN.values() for volume in service["volumes"] if volume.endswith("/state")]
    workers = [name for name in OWN if name.startswith("supervision-")]
    assert len(volumes) == len(set(volumes)) == len(workers)


def test_only_setup_may_write_keys() -> None:
    writers = [name for name, service in OWN.items() if "keys:/var/lib/duban/keys" in service["volumes"]]
    assert writers == ["setup"]


def test_only_the_vault_reads_the_custodians_private_keys_and_its_database() -> None:
    readers = {name for name, service in OWN.items() if any("vault-keys" in volume for volume in service["volumes"])}
    assert readers == {"setup", "vault"}
    assert {name for name, service in SERVICES.items() if "vault" in service["networks"]} == {"vault", "vault-mongo"}
    assert {name for name, service in OWN.items() if "DUBAN_VAULT_MONGO" in service["environment"]} == {"vault"}


def test_image_is_built_from_files_that_exist_and_runs_without_root() -> None:
    for line in DOCKERFILE.splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), f"{source} is not in the project"
    environment = set(re.findall(r"DUBAN_[A-Z_]+", DOCKERFILE))
    assert environment <= {f"DUBAN_{field.upper()}" for field in Settings.model_fields}
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.M) == ["10001:10001"]
    assert all(re.search(r":\d+\.\d+\.\d+", image) for image in re.findall(r"^FROM (\S+:\S+)", DOCKERFILE, re.M))
    assert "HEALTHCHECK" in DOCKERFILE


def test_dockerignore_lets_everything_in_that_the_image_copies() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    for line in DOCKERFILE.splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            assert {source.partition("/")[0] for source in line.split()[1:-1]} <= allowed


def test_prometheus_scrapes_every_process_and_nothing_else() -> None:
    config = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text("utf-8"))
    targets = [t for job in config["scrape_configs"] for group in job["static_configs"] for t in group["targets"]]
    assert sorted(targets) == sorted(f"{name}:8000" for name in OWN if name != "setup")
    assert all((ROOT / "deploy" / "prometheus" / name).exists() for name in config["rule_files"])


def test_rules_and_dashboard_ask_for_metrics_that_exist() -> None:
    for module in TELEMETRY:
        importlib.import_module(module)
    known = {sample for metric in REGISTRY.collect() for sample in _sample_names(metric)}
    rules = yaml.safe_load((ROOT / "deploy" / "prometheus" / "rules.yml").read_text("utf-8"))
    expressions = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    board = json.loads((ROOT / "deploy" / "grafana" / "dashboards" / "spine.json").read_text("utf-8"))
    expressions += [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    used = {name for expression in expressions for name in re.findall(r"duban_\w+", expression)}
    assert used
    assert used <= known
    assert all(
        {"summary", "action"} <= set(rule["annotations"]) for group in rules["groups"] for rule in group["rules"]
    )


def test_dashboard_uses_the_provisioned_data_source() -> None:
    folder = ROOT / "deploy" / "grafana"
    sources = yaml.safe_load((folder / "provisioning" / "datasources" / "prometheus.yml").read_text("utf-8"))
    board = json.loads((folder / "dashboards" / "spine.json").read_text("utf-8"))
    uids = {panel["datasource"]["uid"] for panel in board["panels"]}
    assert uids == {source["uid"] for source in sources["datasources"]}


def _commands(module: Any) -> dict[str, Any]:
    """Name -> command of the module's Typer application, whatever it is called."""
    for value in vars(module).values():
        if isinstance(value, typer.Typer):
            found = typer.main.get_command(value)
            return dict(getattr(found, "commands", {}))  # a single command has no subcommands: none resolves
    return {}


def _default(value: str) -> str:
    """The value of "${NAME:-default}", or "${NAME-default}", where NAME is not set."""
    return re.sub(r"\$\{\w+:?-([^}]*)\}", r"\1", value)


def _sample_names(metric: Any) -> set[str]:
    name = metric.name
    return {name, f"{name}_total", f"{name}_bucket", f"{name}_sum", f"{name}_count"}
