"""The `duban` command: composes the subcommands. Every subcommand lives in duban/commands."""

import typer

from duban.commands import register_all

app = typer.Typer(
    name="duban",
    help="督办: supervision of public agencies. Example: duban up && duban import wabo wabo_receipt.csv.gz",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
register_all(app)

if __name__ == "__main__":
    app()
