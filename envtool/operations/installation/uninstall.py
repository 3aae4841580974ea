"""``envtool self uninstall``: envtool removed from this account, the environments left alone."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envtool.environments import find
from envtool.errors import EnvtoolError, ExitCode
from envtool.files import read_text, write_atomically
from envtool.i18n import tr
from envtool.operations.context import Context
from envtool.operations.installation import kinds, script
from envtool.operations.installation.kinds import Installation
from envtool.operations.steps.confirmation import require_confirmation


@dataclass(frozen=True)
class UninstallPlan:
    """What would go and what stays.

    ``goes`` are files and folders of envtool alone; ``lines`` maps a shell's start-up file to the line in it that
    --install-completion wrote; ``stays`` are envtool's folders of environments, settings, records and caches.
    """

    installation: Installation
    goes: tuple[Path, ...]
    lines: dict[Path, str]
    stays: tuple[Path, ...]
    dry_run: bool = True

    def as_dict(self) -> dict[str, Any]:
        """Return what --json shows."""
        return {
            "kind": self.installation.kind,
            "prefix": str(self.installation.prefix),
            "removed": [*map(str, self.goes), *(f"{path}: {line}" for path, line in self.lines.items())],
            "kept": [*map(str, self.stays)],
            "dry_run": self.dry_run,
        }


def plan(context: Context, prefix: Path | None = None) -> UninstallPlan:
    """Return what would be removed. Raises EnvtoolError where another program has to do that: it says how."""
    host = context.host
    installation = kinds.current(host, prefix)
    if not installation.by_script:
        raise _not_ours(installation)
    link = kinds.link_of(host, installation)
    completion = (
        host.home / ".bash_completions/envtool.sh",
        host.home / ".zfunc/_envtool",
        host.home / ".config/fish/completions/envtool.fish",
    )
    goes = (installation.prefix, *([link] if link else ()), *(path for path in completion if path.is_file()))
    line = f"source '{completion[0]}'"
    lines = {path: line for path in [host.home / ".bashrc"] if line in _lines(path)}
    own = (find.venvs_dir(host), host.config_dir, host.data_dir, host.cache_dir)
    return UninstallPlan(installation, goes, lines, tuple(path for path in dict.fromkeys(own) if path.exists()))


def uninstall(context: Context, confirm: Callable[[UninstallPlan], bool], prefix: Path | None = None) -> UninstallPlan:
    """Remove envtool, after ``confirm`` has seen the plan. Raises EnvtoolError where something could not be removed."""
    planned = plan(context, prefix)
    require_confirmation(confirm(planned), tr("Cancelled: nothing was removed."))
    home = planned.installation.prefix
    script.run(
        ("--uninstall", "--prefix", str(home), "--yes"),
        {},
        context.reporter,
        tr("Removing envtool from {path}", path=home),
    )
    for path in planned.goes:
        if path not in (home, *home.parents) and (path.is_symlink() or path.is_file()):
            path.unlink()
    for path, line in planned.lines.items():
        kept = [each for each in _lines(path) if each != line]
        write_atomically(path, "".join(f"{each}\n" for each in kept).encode("utf-8", "surrogateescape"))
    if left := [path for path in planned.goes if path.is_symlink() or (path.exists() and path != home)]:
        raise EnvtoolError(tr("These could not be removed: {paths}.", paths=", ".join(map(str, left))))
    return UninstallPlan(planned.installation, planned.goes, planned.lines, planned.stays, dry_run=False)


def _lines(path: Path) -> list[str]:
    try:
        return read_text(path).splitlines()
    except OSError:
        return []


def _not_ours(installation: Installation) -> EnvtoolError:
    return EnvtoolError(
        tr("This envtool was not installed by install.sh: it lies in {prefix}.", prefix=installation.prefix),
        hint=tr("To remove it, run: {command}", command=shlex.join(installation.uninstall_command())),
        code=ExitCode.FAILED,
    )
