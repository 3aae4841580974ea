"""Post-link and pre-unlink scripts, which a few conda packages have.

They need the final path and cannot run in a staging folder. As in conda, a script is ``bin/.<name>-<action>.sh`` and
runs with PREFIX and PKG_* set.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from envtool.engines.package_cache import script_of
from envtool.engines.protocol import LinkScripts
from envtool.errors import EnvtoolError
from envtool.i18n import tr
from envtool.model import Package
from envtool.process import Command, capture
from envtool.reporter import Reporter

TIMEOUT = 600.0  # seconds

Action: TypeAlias = Literal["post-link", "pre-unlink"]


def announce(scripts: LinkScripts, reporter: Reporter, *, run: bool) -> None:
    """Name the scripts of packages before they run."""
    if not scripts.known:
        return
    shown = ", ".join(f"{name} ({action})" for name, action in scripts.known)
    if run:
        reporter.warn(tr("These packages run scripts with your rights: {scripts}.", scripts=shown))
    else:
        reporter.note(tr("Left out (--no-link-scripts): the scripts of {scripts}.", scripts=shown))


def run(prefix: Path, packages: Sequence[Package], action: Action) -> None:
    """Run the scripts of ``packages``, if they have any. Raises EnvtoolError if a post-link script fails."""
    for package in packages:
        script = script_of(prefix, package.name, action)
        if not script.is_file():
            continue
        command = Command(("sh", str(script)), env=_environment(prefix, package), cwd=prefix)
        done = capture(command, timeout=TIMEOUT)
        if done.returncode and action == "post-link":
            raise EnvtoolError(
                tr(
                    "The {action} script of {package} failed with exit code {code}: {reason}",
                    action=action,
                    package=package.name,
                    code=done.returncode,
                    reason=(done.stderr or done.stdout).strip()[-500:],
                ),
            )


def _environment(prefix: Path, package: Package) -> dict[str, str]:
    return {
        "PREFIX": str(prefix),
        "CONDA_PREFIX": str(prefix),
        "PKG_NAME": package.name,
        "PKG_VERSION": package.version,
        "PKG_BUILDNUM": package.build.rsplit("_", 1)[-1],
        "PATH": f"{prefix / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
    }
