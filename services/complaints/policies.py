"""Reads policies/complaints.yaml. What it may say is in domain/handling.py."""

from pathlib import Path

import msgspec

from services.complaints.domain.handling import Handling


def load_handling(policies: Path) -> Handling:
    """The handling policy in `policies`; the defaults of Handling when there is no such file.

    Raises ValueError with the place of what is wrong.
    """
    path = policies / "complaints.yaml"
    if not path.exists():
        return Handling()
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=Handling)
    except msgspec.MsgspecError as error:
        raise ValueError(f"{path}: {error}") from None
