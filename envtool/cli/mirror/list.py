"""``envtool mirror list``: the mirrors, and their addresses."""

import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from envtool.cli import completion
from envtool.cli.output import Result, out
from envtool.i18n import tr
from envtool.operations.context import Context

if TYPE_CHECKING:
    from envtool.mirrors.catalogue import CondaChannels, Mirror

EXAMPLES = {
    "envtool mirror list": "every mirror and its addresses",
    "envtool mirror list nju": "all that is known about one",
}
_SHOWN = 3  # channels named in the list of all mirrors
_INDENT = 9  # columns before an address
_WIDTH = 79  # of a terminal, unless it is narrower


def command(
    names: Annotated[
        list[str],
        typer.Argument(metavar="[NAME]...", help="Only these mirrors, in full.", autocompletion=completion.mirrors),
    ] = [],
    all_: Annotated[bool, typer.Option("--all", help="Include retired mirrors.")] = False,
) -> Result:
    """The addresses can be copied into any settings; `envtool mirror set NAME` writes them."""
    known = Context.here(out).catalogue
    if names:
        shown = [known.named(name) for name in names]
    else:
        shown = [mirror for mirror in known.mirrors.values() if all_ or mirror.usable]
    text = "\n\n".join("\n".join(_lines(mirror, full=bool(names))) for mirror in shown)
    if any(mirror.own for mirror in shown):
        text += "\n\n" + tr("* from your own list")
    return Result([{**asdict(mirror), "date": mirror.date} for mirror in shown], text)


def _lines(mirror: "Mirror", *, full: bool) -> Iterator[str]:
    name = mirror.name + (" *" if mirror.own else "")
    state = tr("{state} ({date})", state=mirror.state, date=mirror.date) if mirror.date else mirror.state
    yield from textwrap.wrap(f"{name}  {state}  {mirror.title}", _width(), subsequent_indent="  ")
    for label, address, remark in _addresses(mirror):
        yield f"  {label:<{_INDENT - 2}}{address}" + (f"  {remark}" if remark else "")
    if mirror.conda:
        yield from _wrapped(_channels(mirror.conda, None if full else _SHOWN))
    if not mirror.usable:
        yield from _wrapped(tr("use {name} instead", name=mirror.replacement) if mirror.replacement else tr("retired"))
    if full:
        yield from _details(mirror)


def _addresses(mirror: "Mirror") -> Iterator[tuple[str, str, str]]:
    """Yield what each address is for, the address, and how it is to be used where that is not obvious."""
    if mirror.pypi:
        yield "pip", mirror.pypi.index, ""
    if mirror.torch:
        flat = mirror.torch.how == "find-links"
        yield "torch", f"{mirror.torch.base}/BUILD", tr("(for --find-links)") if flat else tr("(for --index-url)")
    if mirror.conda:
        yield "conda", mirror.conda.base, ""


def _channels(conda: "CondaChannels", most: int | None) -> str:
    """Return the channels of a mirror as people call them, at most so many by name."""
    every = [*(["defaults"] if "main" in conda.pkgs else []), *conda.channels, *conda.elsewhere]
    if most is None or len(every) <= most:
        return ", ".join(every)
    return tr("{channels} and {count} more", channels=", ".join(every[:most]), count=len(every) - most)


def _details(mirror: "Mirror") -> Iterator[str]:
    also = [*(mirror.pypi.also if mirror.pypi else ()), *(mirror.conda.also if mirror.conda else ())]
    for address in also:
        yield " " * _INDENT + tr("also {address}", address=address)
    if mirror.python:
        yield f"  {'python':<{_INDENT - 2}}{mirror.python}"
    for installer, address in mirror.installers.items():
        yield " " * _INDENT + f"{installer}: {address}"
    if mirror.aliases:
        yield from _wrapped(tr("also called {names}", names=", ".join(mirror.aliases)))
    if mirror.note:
        yield from _wrapped(mirror.note)
    for evidence in mirror.evidence:
        yield from _wrapped(f"{evidence.date}  {evidence.what} ({evidence.source})")


def _wrapped(text: str) -> list[str]:
    indent = " " * _INDENT
    return textwrap.wrap(
        text,
        _width(),
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _width() -> int:
    return min(_WIDTH, out.width or _WIDTH)
