"""What the city's agencies are called, for people to choose from."""

from collections.abc import Mapping
from pathlib import Path

import yaml

Directory = Mapping[str, Mapping[str, str]]  # code -> language -> name


def load_directory(policies: Path) -> Directory:
    """Agency code -> {"zh": …, "en": …} in the order of city.yaml; empty when there is no such file."""
    path = policies / "city.yaml"
    city = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {agency["code"]: {"zh": agency["zh"], "en": agency["en"]} for agency in (city or {}).get("agencies", [])}
