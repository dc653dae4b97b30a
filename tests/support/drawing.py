"""The life of complaints as docs/complaints.md draws it: `python -m tests.support.drawing` writes it anew."""

from pathlib import Path

from services.complaints.domain.complaint import LIFE
from services.contracts.lifecycle import NEW
from services.contracts.registry import event_type
from services.shared.access import TABLE

DOCUMENT = Path(__file__).parents[2] / "docs" / "complaints.md"
_BEGIN, _END = "<!-- drawn from the table of states -->\n", "<!-- end of the drawing -->\n"


def drawing() -> str:
    """The diagram and the table of commands."""
    return f"```mermaid\n{_diagram()}```\n\n{_commands()}"


def drawn() -> str:
    """What the document has in its place."""
    return DOCUMENT.read_text(encoding="utf-8").partition(_BEGIN)[2].partition(_END)[0]


def _diagram() -> str:
    edges: dict[tuple[str, str], list[str]] = {}
    for status, row in LIFE.table.items():
        for command, nexts in row.items():
            for following in nexts:
                edges.setdefault((status, following), []).append(command)
    lines = ["stateDiagram-v2"]
    for (status, following), commands in edges.items():
        first = "[*]" if status == NEW else status
        lines.append(f"    {first} --> {following}: {', '.join(commands)}")
    return "\n".join(lines) + "\n"


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
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    DOCUMENT.write_text(before + _BEGIN + drawing() + _END + rest.partition(_END)[2], encoding="utf-8")
