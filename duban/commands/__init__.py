"""One module a group of subcommands; each has `register(app)`."""

import importlib
import pkgutil

import typer


def register_all(app: typer.Typer) -> None:
    """Let every module of this package add its commands, in the order of their names."""
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name):
        importlib.import_module(f"{__name__}.{module.name}").register(app)
