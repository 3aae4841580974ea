"""The result of a switch of mirrors."""

from typing import TYPE_CHECKING

from envtool.cli.file_changes import written
from envtool.cli.output import Result, out
from envtool.paths import Host

if TYPE_CHECKING:
    from envtool.operations.mirror.switch import Switch


def switch_result(host: Host, switch: "Switch", *, dry_run: bool) -> Result:
    """Carry out a switch, unless it is a dry run, and return the result."""
    for note in switch.notes:
        out.note(note)
    result = written(host, "mirror", switch.plan, dry_run=dry_run, undo="envtool mirror undo")
    data = {**result.data, "remarks": switch.notes, "stale": switch.stale, "written": not dry_run}
    return result._replace(data=data)
