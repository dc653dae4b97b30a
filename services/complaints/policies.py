"""Reads the policies of complaints. What each may say is in the domain."""

from pathlib import Path
from typing import TypeVar

import msgspec

from services.complaints.domain.handling import Handling

T = TypeVar("T")


def load_policy(path: Path, kind: type[T]) -> T | None:
    """The policy of `kind` in `path`; None when there is no such file. Raises ValueError with the place at fault."""
    if not path.exists():
        return None
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=kind)
    except msgspec.MsgspecError as error:
        raise ValueError(f"{path}: {error}") from None


def load_handling(policies: Path) -> Handling:
    """The handling policy in `policies`; the defaults of Handling when there is no such file. Raises ValueError."""
    return load_policy(policies / "complaints.yaml", Handling) or Handling()
