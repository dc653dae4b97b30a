"""`python -m benchmarks`: runs benchmarks, prints their table, writes benchmarks/results/latest.json and latest.svg."""

import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from benchmarks import registry, report, results
from benchmarks.figures import Figure, Settings

app = typer.Typer(add_completion=False)


@app.command()
def main(
    quick: bool = typer.Option(False, "--quick", help="Small sizes: all benchmarks in under 8 minutes on 2 cores."),
    only: str = typer.Option("", help=f"Some of: {', '.join(registry.MODULES)}."),
    runs: int = typer.Option(0, help="How often each engine runs, interleaved; 0 is 3, and 1 with --quick."),
    events: int = typer.Option(0, help="Size of a benchmark; 0 takes its own."),
    keep: bool = typer.Option(False, "--keep", help="Add to the figures of earlier runs of other benchmarks."),
) -> None:
    """Duban side by side with its peers. Example: python -m benchmarks --quick --only minimal,full --runs 3"""
    available = registry.available()
    wanted = [name for name in only.split(",") if name] or available
    if unknown := [name for name in wanted if name not in available]:
        _refuse(f"--only {unknown[0]}: there are {', '.join(available)}")
    if runs < 0 or events < 0 or 0 < events < 1000:
        _refuse(f"--runs {runs} --events {events}: runs are 0 or more, events 0 or 1000 and more")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # engines and Kafka are stopped on the way out
    figures: list[Figure] = []
    for name in wanted:
        folder = Path(tempfile.mkdtemp(prefix=f"duban-bench-{name}-"))
        try:
            with Progress(
                SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=report.console,
                transient=True,
            ) as progress:  # fmt: skip
                progress.add_task(name)
                figures += registry.load(name)(
                    Settings(quick=quick, runs=runs or (1 if quick else 3), events=events, folder=folder)
                )
        except Exception as error:  # one benchmark that breaks must not take the others' figures with it
            report.failed(f"{name}: {error!r}")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        results.write(figures, keep=keep)
    results.show(figures)
    for failure in report.failures:
        report.say(f"FAILED {failure}")
    raise SystemExit(1 if report.failures else 0)


def _refuse(reason: str) -> NoReturn:
    typer.echo(reason, err=True)
    raise SystemExit(2)


if __name__ == "__main__":
    app()
