"""Explicit lists, which are installed without solving: what a solver would have found missing."""

from envtool.engines.protocol import Solution
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.model import Package
from envtool.specs import match_spec

_SHOWN = 5


def require_python(solution: Solution) -> None:
    """Raise EnvtoolError (BAD_INPUT) where a list has Python packages, and neither it nor the environment a Python."""
    if not solution.request.archives or solution.python:
        return
    if needing := [package.name for package in solution.link if _needs_python(package)]:
        shown = ", ".join(needing[:_SHOWN]) + (" ..." if len(needing) > _SHOWN else "")
        raise EnvtoolError(
            tr("The explicit list has no python, which {packages} needs.", packages=shown),
            hint=tr("Add the URL of a python archive to the list, or request the packages by name."),
            code=ExitCode.BAD_INPUT,
        )


def _needs_python(package: Package) -> bool:
    # Engines that read no archive know no dependencies; builds of Python packages are called py311_0 and pyhd8ed1ab_0.
    return any(match_spec.name(item) == "python" for item in package.depends) or package.build.startswith("py")
