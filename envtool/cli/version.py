"""``envtool --version``."""

from envtool import __version__
from envtool.cli.output import Result


def command() -> Result:
    """Return the version of envtool."""
    return Result({"version": __version__}, f"envtool {__version__}")
