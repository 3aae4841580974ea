"""``envtool mirror set``, ``unset`` and ``undo``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from envtool.cli.mirror import group
from envtool.cli.options import DryRun, Json, Name, Prefix, Yes
from envtool.cli.output import out
from envtool.i18n import tr
from envtool.paths import Host

Target = Annotated[
    list[str], typer.Option("--target", "-t", metavar="CLIENT", help="Only this client: conda, pip, ... or all.")
]
ScopeOption = Annotated[
    str, typer.Option("--scope", metavar="SCOPE", help="Whose settings: user, env (with -n or -p), site or system.")
]


@group.command("set")
def set_mirror(
    name: Annotated[
        str, typer.Argument(metavar="NAME|URL", help="A mirror's name, an address, or auto: the best by test.")
    ],
    target: Target = [],
    scope: ScopeOption = "user",
    env: Name = "",
    prefix: Prefix = None,
    allow_http: Annotated[bool, typer.Option("--allow-http", help="Accept an address without encryption.")] = False,
    torch: Annotated[
        bool, typer.Option("--torch", help="Only: ask this mirror first for PyTorch wheels, in envtool's own commands.")
    ] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,  # noqa: ARG001
) -> None:
    """Switch conda, pip and others to a mirror. Comments and other lines stay; `mirror undo` takes it back.

    [bold]envtool mirror set tsinghua[/bold]            conda, pip, and what else you have
    [bold]envtool mirror set auto --dry-run[/bold]      what the best by test would change
    [bold]envtool mirror set nju --target pip[/bold]    pip alone
    """
    from envtool.operations.mirror import switch as switch_mirror

    host = Host.here()
    _recovered(host)
    if torch:
        _finish(host, switch_mirror.plan_torch(host, name), dry_run=dry_run)
        return
    where = _scope(host, scope, env, prefix)
    clients = switch_mirror.targets(host, target)
    if name == "auto":
        name = _best(host, clients)
    switch = switch_mirror.plan_set(host, name, clients, where, clean=yes, allow_http=allow_http)
    if switch.stale and not yes and not dry_run and _agreed(switch.stale):
        switch = switch_mirror.plan_set(host, name, clients, where, clean=True, allow_http=allow_http)
        yes = True
    if switch.stale and not yes:
        out.warn(
            tr(
                "Left as they are, though no longer of use: {entries}. --yes replaces them.",
                entries=", ".join(switch.stale),
            )
        )
    _finish(host, switch, dry_run=dry_run)


@group.command("unset")
def unset_mirror(
    target: Target = [],
    scope: ScopeOption = "user",
    env: Name = "",
    prefix: Prefix = None,
    dry_run: DryRun = False,
    json: Json = False,  # noqa: ARG001
) -> None:
    """Remove every mirror's lines from the settings, and nothing else: upstream is in force again."""
    from envtool.operations.mirror import switch as switch_mirror

    host = Host.here()
    _recovered(host)
    switch = switch_mirror.plan_unset(host, switch_mirror.targets(host, target), _scope(host, scope, env, prefix))
    _finish(host, switch, dry_run=dry_run)


@group.command("undo")
def undo_mirror(dry_run: DryRun = False, json: Json = False) -> None:  # noqa: ARG001
    """Take the last switch back: the files get their former bytes, and files that it made go again."""
    from envtool.operations.mirror import switch as switch_mirror

    host = Host.here()
    _recovered(host)
    undone = switch_mirror.undo(host, dry_run=dry_run)
    if undone is None:
        out.note(tr("There is nothing to undo."))
        out.result({"undone": None, "files": []})
        return
    entry, edits = undone
    data: dict[str, Any] = {"undone": entry.title, "files": [str(path) for path in entry.paths]}
    if dry_run:
        out.result(data, switch_mirror.diff(edits))
        return
    for edit in edits:
        out.note(
            tr("restored {path}", path=edit.path) if edit.after is not None else tr("removed {path}", path=edit.path)
        )
    out.result(data, tr("Undone: {title}", title=entry.title))


def _best(host: Host, clients: tuple[str, ...]) -> str:
    from envtool.operations.mirror import test

    purposes = [p for p in ("conda", "pip") if any((c in ("pip", "uv")) == (p == "pip") for c in clients)]
    with out.bar(tr("Trying the mirrors")):
        name, results = test.best(host, purposes)  # type: ignore[arg-type]
    tried = len({result.mirror for result in results})
    out.note(tr("{mirror} does best of {count} mirrors tried.", mirror=name, count=tried))
    return name


def _finish(host: Host, switch: Any, *, dry_run: bool) -> None:
    from envtool.operations.mirror import switch as switch_mirror

    for note in switch.notes:
        out.note(note)
    text = switch_mirror.diff(switch.plan.edits)
    data = {
        "title": switch.plan.title,
        "files": [str(edit.path) for edit in switch.plan.edits],
        "remarks": switch.notes,
        "stale": switch.stale,
        "diff": text,
        "written": not dry_run,
    }
    if dry_run:
        out.result(data, text or tr("Nothing to change."))
        return
    switch_mirror.carry_out(host, switch)
    if not switch.plan.edits:
        out.result(data, tr("Nothing to change: it is so already."))
        return
    lines = [tr("wrote {path}", path=edit.path) for edit in switch.plan.edits]
    out.result(data, "\n".join([*lines, tr("`envtool mirror undo` takes this back.")]))


def _recovered(host: Host) -> None:
    from envtool import journal

    for said in journal.recover(host):
        out.warn(said)


def _agreed(stale: tuple[str, ...]) -> bool:
    if out.can_ask:
        for entry in stale:
            out.note(tr("no longer of use: {entry}", entry=entry))
    return out.confirm(tr("Replace these, too?"), yes=False)


def _scope(host: Host, word: str, name: str, prefix: Path | None) -> Any:
    from envtool.operations.mirror import scope as mirror_scope

    return mirror_scope.find(host, word, name, prefix)
