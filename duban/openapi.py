"""Writes docs/openapi/<service>.json from the applications; connects to nothing: `python -m duban.openapi`."""

import argparse
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fastapi import FastAPI

from services.shared.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path("docs/openapi")


def applications(settings: Settings, alerts: Any = None, counts: Any = None) -> dict[str, FastAPI]:
    """Service -> its application, on repositories in memory. `alerts` (MemoryAlerts) is what the board reads, `counts`
    (Counts) what the key figures are made from: nothing when they are not given."""
    from services.approvals import api as approvals
    from services.approvals.repository import MemoryApprovals
    from services.complaints import api as complaints
    from services.complaints.attachments.repository import MemoryEvidence
    from services.complaints.attachments.scanning import scanner
    from services.complaints.attachments.service import Attachments
    from services.complaints.attachments.store import Store
    from services.complaints.memory import MemoryComplaints
    from services.complaints.receipts import Receipts
    from services.directives import api as directives
    from services.directives.repository import MemoryDirectives
    from services.inspections import api as inspections
    from services.inspections.repository import MemoryInspections
    from services.metrics import main as metrics
    from services.metrics.repository import Counts
    from services.notifications.main import load_directory
    from services.notifications.memory import MemoryAlerts
    from services.notifications.web import app as notifications
    from services.shared.audit.trail import MemoryTrail
    from services.shared.clock import utc_now
    from services.vault import api as vault
    from services.vault.keyring import Keyring
    from services.vault.main import load_policy
    from services.vault.repository import MemoryVault
    from services.vault.service import VaultService
    from services.vault.sessions import Sessions

    Keyring.create(settings.vault_keys, settings.public_keys, utc_now())
    keyring, trail = Keyring(settings.vault_keys, settings.public_keys), MemoryTrail(utc_now)
    service = VaultService(MemoryVault(), keyring, trail, load_policy(settings), utc_now)

    attachments = Attachments(MemoryEvidence(), Store("memory://"), bytes(32), scanner(""), utc_now)
    return {
        "complaints": complaints.build(settings, MemoryComplaints(), Receipts(bytes(32)), attachments),
        "approvals": approvals.build(settings, MemoryApprovals()),
        "inspections": inspections.build(settings, MemoryInspections()),
        "directives": directives.build(settings, MemoryDirectives()),
        "notifications": notifications.build(alerts or MemoryAlerts(), load_directory(settings.policies), settings),
        "metrics": metrics.build(settings, lambda: counts or Counts(cases=[], alarms=[], overdue=[]), lambda: None),
        "vault": vault.build(settings, service, Sessions(settings.vault_keys, trail, utc_now)),
    }


def documents() -> dict[Path, str]:
    """Path below the project's root -> content, of every OpenAPI document."""
    with TemporaryDirectory() as folder:
        keys = Path(folder)
        settings = Settings(
            policies=ROOT / "policies", data=keys, signing_key_file=keys / "signing.jwk",
            users_file=keys / "users.yaml", public_keys=keys / "public", vault_keys=keys / "vault",
        )  # fmt: skip
        built = applications(settings)
        return {
            FOLDER / f"{name}.json": json.dumps(app.openapi(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"
            for name, app in built.items()
        }


def stale(root: Path = ROOT) -> list[Path]:
    """The documents below `root` that are missing, differ, or belong to no service."""
    wanted = documents()
    there = {path.relative_to(root) for path in (root / FOLDER).glob("*.json")}
    differing = {p for p, text in wanted.items() if p not in there or (root / p).read_text("utf-8") != text}
    return sorted(differing | (there - wanted.keys()))


def main() -> int:
    """The exit code: 0, or 1 when --check finds a stale document."""
    parser = argparse.ArgumentParser(prog="python -m duban.openapi", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is stale")
    if parser.parse_args().check:
        old = stale()
        if old:
            print("stale; run python -m duban.openapi:", *old, sep="\n  ", file=sys.stderr)
        return 1 if old else 0
    for path, text in documents().items():
        target = ROOT / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
    print(f"{len(documents())} OpenAPI documents up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main())
