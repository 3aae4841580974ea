"""Post-link and pre-unlink scripts, which a few conda packages bring.

They need the final path and cannot run in a staging folder. As in conda, a script is ``bin/.<name>-<action>.sh`` and
runs with PREFIX and PKG_* set.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from envtool.errors import EnvtoolError
from envtool.i18n import tr
from envtool.model import Package
from envtool.process import Command, capture

TIMEOUT = 600.0  # seconds


def run(prefix: Path, packages: Sequence[Package], action: Literal["post-link", "pre-unlink"]) -> None:
    """Run the scripts of ``packages``, if they have any. Raises EnvtoolError if a post-link script fails."""
    for package in packages:
        script = prefix / "bin" / f".{package.name}-{action}.sh"
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
