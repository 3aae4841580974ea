"""``envtool mirror list``: the mirrors there are."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli.formatting import NOTHING, table
from envtool.cli.output import Result, out
from envtool.i18n import tr
from envtool.operations.context import Context

if TYPE_CHECKING:
    from envtool.mirrors.catalogue import Mirror

_SHOWN = 3  # channels named in the table


def command(
    all_: Annotated[bool, typer.Option("--all", help="Include retired mirrors.")] = False,
) -> Result:
    shown = [m for m in Context.here(out).catalogue.mirrors.values() if all_ or m.usable]
    rows = [(m.name + (" *" if m.own else ""), m.state, m.date or NOTHING, *_served(m), m.title) for m in shown]
    columns = (tr("NAME"), tr("STATE"), tr("AS OF"), tr("PIP"), tr("TORCH"), tr("CONDA"), tr("SITE"))
    text = table(columns, rows, width=out.width)
    if any(m.own for m in shown):
        text += "\n" + tr("* from your own list")
    return Result([{**asdict(m), "date": m.date} for m in shown], text)


def _served(mirror: "Mirror") -> tuple[str, str, str]:
    return (
        tr("yes") if mirror.pypi else NOTHING,
        mirror.torch.how if mirror.torch else NOTHING,
        _channels(mirror) or NOTHING,
    )


def _channels(mirror: "Mirror") -> str:
    conda = mirror.conda
    if conda is None:
        return ""
    every = [*(["defaults"] if "main" in conda.pkgs else []), *conda.channels, *conda.elsewhere]
    if len(every) <= _SHOWN:
        return ", ".join(every)
    return tr("{channels} and {count} more", channels=", ".join(every[:_SHOWN]), count=len(every) - _SHOWN)
