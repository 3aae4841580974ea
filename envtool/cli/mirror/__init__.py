"""``envtool mirror``: list, show and test mirrors, and switch between them."""

import typer

from envtool.cli.parser import app

group = typer.Typer(no_args_is_help=True, help="Mirrors of conda's channels and of the Python package index.")
app.add_typer(group, name="mirror")

# isort: off
from envtool.cli.mirror import list  # noqa: A004, E402, F401 - the commands hang themselves on the group
from envtool.cli.mirror import set  # noqa: A004, E402, F401
from envtool.cli.mirror import add  # noqa: E402, F401
