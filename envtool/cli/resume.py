"""``envtool resume`` and ``envtool rollback``: the two ways out of a change that was cut off."""

import os
from typing import Annotated

import typer

from envtool.cli import parser as program
from envtool.cli.parser import app
from envtool.cli.options import Json
from envtool.cli.output import out
from envtool.i18n import tr

Unfinished = Annotated[str, typer.Argument(metavar="NAME", help="The unfinished environment: its name or its path.")]


@app.command()
def resume(name: Unfinished, json: Json = False) -> None:  # noqa: ARG001 - acted on by the output
    """Finish what was cut off: the creation or the change of an environment."""
    from envtool.environments import find
    from envtool.operations import resume as recover
    from envtool.paths import Host

    host = Host.here()
    again = recover.resume(host, find.resolve(host, name), out)
    if again:
        os.chdir(again.folder)
        raise typer.Exit(program.perform(again.argv))
    out.note(tr("Finished."))
    out.result({"name": name})


@app.command()
def rollback(name: Unfinished, json: Json = False) -> None:  # noqa: ARG001 - acted on by the output
    """Bring a half-changed environment back to its state before the change."""
    from envtool.environments import find
    from envtool.operations import resume as recover
    from envtool.paths import Host

    host = Host.here()
    environment = find.resolve(host, name)
    recover.rollback(host, environment, out)
    out.note(
        tr("{name} has the packages again that it had before the change.", name=environment.name or environment.prefix)
    )
    out.result({"name": environment.name, "prefix": str(environment.prefix)})
