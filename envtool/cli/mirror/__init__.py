"""``envtool mirror``: which mirrors there are, which are in force, how they do, and switching between them."""

import typer

from envtool.cli.app import app

group = typer.Typer(no_args_is_help=True, help="Mirrors of conda's channels and of the Python package index.")
app.add_typer(group, name="mirror")

# isort: off
from envtool.cli.mirror import query  # noqa: E402, F401 - the commands hang themselves on the group
from envtool.cli.mirror import switch  # noqa: E402, F401
from envtool.cli.mirror import custom  # noqa: E402, F401
