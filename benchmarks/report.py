"""What a run says while it goes on, and what went wrong in it. Free of figures."""

from rich.console import Console

console = Console(highlight=False)
if not console.is_terminal:
    console = Console(highlight=False, width=160)
failures: list[str] = []


def say(text: str) -> None:
    console.print(text, markup=False)


def failed(text: str) -> None:
    """A run whose result is wrong or missing: said now, again at the end, and the exit code is 1."""
    failures.append(text)
    console.print(f"FAILED {text}", style="red", markup=False)
