"""Reads the policy files of a folder. The rules of what they may say are in domain/policy_reading.py."""

from pathlib import Path
from typing import Any

import yaml

from services.supervision.domain.policy import Policies, PolicyError
from services.supervision.domain.policy_reading import compile_policies

FILES = ("cases.yaml", "subjects.yaml", "calendar/cn.yaml")


class _Loader(yaml.SafeLoader):
    """YAML 1.2 booleans only: `on` is a name here, true and false are not."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load_policies(folder: str | Path) -> Policies:
    """The policies of `folder` (cases.yaml, subjects.yaml, calendar/cn.yaml).

    Raises PolicyError with one line per problem, a missing or unreadable file included.
    """
    problems: list[str] = []
    names = [str(Path(folder) / name) for name in FILES]
    documents = [_read(name, problems) for name in names]
    if problems:
        raise PolicyError(problems)
    cases, subjects, calendar = documents
    return compile_policies(cases, subjects, calendar, files=(names[0], names[1], names[2]))


def _read(name: str, problems: list[str]) -> Any:
    try:
        return yaml.load(Path(name).read_text(encoding="utf-8"), _Loader)  # noqa: S506 a SafeLoader
    except OSError as error:
        problems.append(f"{name}: cannot be read: {error.strerror}; a readable file was expected")
    except UnicodeDecodeError:
        problems.append(f"{name}: not UTF-8; a YAML file in UTF-8 was expected")
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark is not None else "document"
        problems.append(f"{name}: {where}: {getattr(error, 'problem', None) or error}; valid YAML was expected")
    return None
