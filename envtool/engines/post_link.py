"""The scripts that a few conda packages bring to be run after they are linked, or before they are unlinked.

They need the final path, so they cannot run in a stage. conda's rules: ``bin/.<name>-<action>.sh``, run with PREFIX and
PKG_* set; what they write to ``$PREFIX/.messages.txt`` is meant for the user.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from envtool.errors import EnvtoolError
from envtool.i18n import tr
from envtool.model import Package
from envtool.process import Command, capture


def run(prefix: Path, packages: Sequence[Package], action: Literal["post-link", "pre-unlink"]) -> None:
    """Run the scripts of ``packages`` that have one. Raises EnvtoolError when one fails to prepare its package."""
    for package in packages:
        script = prefix / "bin" / f".{package.name}-{action}.sh"
        if not script.is_file():
            continue
        environment = {
            "PREFIX": str(prefix),
            "CONDA_PREFIX": str(prefix),
            "PKG_NAME": package.name,
            "PKG_VERSION": package.version,
            "PKG_BUILDNUM": package.build.rsplit("_", 1)[-1],
            "PATH": None,
        }
        import os

        environment["PATH"] = f"{prefix / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
        done = capture(Command(("sh", str(script)), env=environment, cwd=prefix), timeout=600)
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
