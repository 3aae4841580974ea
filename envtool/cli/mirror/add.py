"""``envtool mirror add``, ``remove`` and ``run``."""

from typing import Annotated, Any

import typer

from envtool.cli.mirror import group
from envtool.cli.options import DryRun, Json
from envtool.cli.output import out
from envtool.i18n import tr
from envtool.paths import Host


@group.command("add")
def add_mirror(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it.")],
    pypi: Annotated[str, typer.Option("--pypi", metavar="URL", help="Its Python package index.")] = "",
    conda: Annotated[str, typer.Option("--conda", metavar="URL", help="What stands above pkgs/ and cloud/.")] = "",
    torch: Annotated[str, typer.Option("--torch", metavar="URL", help="What stands above cpu/, cu128/, ...")] = "",
    flat: Annotated[bool, typer.Option("--flat", help="Its PyTorch wheels are plain listings (--find-links).")] = False,
    dry_run: DryRun = False,
    json: Json = False,  # noqa: ARG001
) -> None:
    """Add a mirror of your own to the list. Logins stay in ~/.netrc: none is ever written here."""
    from envtool.mirrors import own_mirrors

    host = Host.here()
    edits = own_mirrors.add(host, name, pypi=pypi, conda=conda, torch=torch, flat=flat)
    _write(host, f"mirror add {name}", edits, dry_run=dry_run)


@group.command("remove")
def remove_mirror(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A mirror of your own.")],
    dry_run: DryRun = False,
    json: Json = False,  # noqa: ARG001
) -> None:
    """Remove a mirror of your own from the list; files that use it are not touched."""
    from envtool.mirrors import catalogue, own_mirrors

    host = Host.here()
    edits = own_mirrors.remove(host, catalogue.load(host), name)
    _write(host, f"mirror remove {name}", edits, dry_run=dry_run)


@group.command("run", context_settings={"allow_interspersed_args": False})
def run_with_mirror(
    name: Annotated[str, typer.Argument(metavar="NAME|URL", help="The mirror.")],
    command: Annotated[list[str], typer.Argument(metavar="-- COMMAND...", help="What to run under it.")],
) -> None:
    """Run one command under a mirror, by variables: nobody's settings are touched. Its exit code is returned."""
    from envtool.operations.mirror import run as operation

    operation.run(Host.here(), name, tuple(command[command[:1] == ["--"] :]), out)


def _write(host: Host, title: str, edits: Any, *, dry_run: bool) -> None:
    from envtool import journal
    from envtool.operations.mirror import switch

    text = switch.diff(edits)
    data = {"title": title, "files": [str(edit.path) for edit in edits], "diff": text}
    if dry_run:
        out.result(data, text)
        return
    if edits:
        journal.apply(host, switch.PURPOSE, title, edits)
    out.result(data, "\n".join(tr("wrote {path}", path=edit.path) for edit in edits) or tr("Nothing to change."))
