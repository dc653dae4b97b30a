"""Reads the names of things from the city's policy files."""

from pathlib import Path
from typing import Any

import yaml

from services.notifications.domain.directory import Directory


def load_directory(policies: Path) -> Directory:
    """The names in city.yaml, cases.yaml and subjects.yaml; a file may be absent. Raises ValueError for a mistake."""

    def read(name: str) -> dict[str, Any] | None:
        path = policies / name
        return yaml.safe_load(path.read_text("utf-8")) if path.exists() else None

    return Directory.of(read("city.yaml"), read("cases.yaml"), read("subjects.yaml"))
