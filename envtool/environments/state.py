"""The state of an environment, read from its files: when it last changed, and what is broken in it."""

from pathlib import Path

from envtool.i18n import tr
from envtool.model import Environment
from envtool.prefix import conda_meta
from envtool.prefix.layout import python_fault, should_have_python, site_packages_dir
from envtool.prefix.marks import OWN


def last_change(prefix: Path) -> float | None:
    """Return when packages last changed, in seconds since the epoch; None where that is not known.

    The newest of conda's history, the folder pip installs into, and envtool's own record.
    """
    traces = (prefix / "conda-meta" / "history", site_packages_dir(prefix), prefix / OWN / "environment.json")
    times = [time for path in traces if path and (time := _modified(path))]
    return max(times, default=None)


def broken(environment: Environment) -> tuple[str, ...]:
    """Return what is broken in an environment, a sentence each: its records, and a missing Python."""
    _, warnings = conda_meta.read_packages(environment.prefix)
    return (*warnings, *python_missing(environment))


def python_missing(environment: Environment) -> tuple[str, ...]:
    """Return a sentence where an environment should have a Python and has none that can start."""
    prefix = environment.prefix
    if environment.unfinished or not should_have_python(prefix, environment.kind):
        return ()
    fault = python_fault(prefix)
    return (tr("The Python of {prefix} cannot start: {reason}.", prefix=prefix, reason=fault),) if fault else ()


def _modified(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None
