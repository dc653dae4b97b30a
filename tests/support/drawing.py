"""The lives of complaints and of rewards as the docs draw them: `python -m tests.support.drawing` writes them anew."""

from collections.abc import Callable
from pathlib import Path

from services.complaints.domain.complaint import LIFE
from services.complaints.rewards.domain.reward import TABLE as TABLE_OF_REWARDS
from services.contracts.lifecycle import NEW, Table
from services.contracts.registry import event_type
from services.shared.access import TABLE

_DOCS = Path(__file__).parents[2] / "docs"
_BEGIN, _END = "<!-- drawn from the table of states -->\n", "<!-- end of the drawing -->\n"


def drawing() -> str:
    """The diagram and the table of commands of complaints."""
    return f"{_diagram(LIFE.table)}\n{_commands()}"


def rewards() -> str:
    """The diagram of rewards."""
    first: Table = {NEW: {"propose": ("proposed",)}}
    later = {status: {command: (to,) for command, to in row.items()} for status, row in TABLE_OF_REWARDS.items()}
    return _diagram({**first, **later})


DRAWINGS: dict[str, Callable[[], str]] = {"complaints.md": drawing, "rewards.md": rewards}


def drawn(document: str) -> str:
    """What the document has in its place."""
    return (_DOCS / document).read_text(encoding="utf-8").partition(_BEGIN)[2].partition(_END)[0]


def _diagram(table: Table) -> str:
    edges: dict[tuple[str, str], list[str]] = {}
    for status, row in table.items():
        for command, nexts in row.items():
            for following in nexts:
                edges.setdefault((status, following), []).append(command)
    lines = ["```mermaid", "stateDiagram-v2"]
    for (status, following), commands in edges.items():
        first = "[*]" if status == NEW else status
        lines.append(f"    {first} --> {following}: {', '.join(commands)}")
    return "\n".join([*lines, "```"]) + "\n"


def _commands() -> str:
    lines = ["| command | event | roles | from | to |", "|---|---|---|---|---|"]
    for command, model in LIFE.models.items():
        froms = [status for status, row in LIFE.table.items() if command in row]
        tos = dict.fromkeys(following for status in froms for following in LIFE.table[status][command])
        entry = TABLE[f"complaints.{command}"].roles
        roles = "everyone" if "citizen" in entry else ", ".join(sorted(entry - {"importer"}))
        stays = list(tos) == froms
        to = "the same" if stays and len(froms) > 1 else ", ".join(tos)
        lines.append(f"| {command} | `{event_type(model)}` | {roles} | {', '.join(froms)} | {to} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for name, draw in DRAWINGS.items():
        before, _, rest = (_DOCS / name).read_text(encoding="utf-8").partition(_BEGIN)
        (_DOCS / name).write_text(before + _BEGIN + draw() + _END + rest.partition(_END)[2], encoding="utf-8")
