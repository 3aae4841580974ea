"""Alternatives to conda packages that no channel has: the versions that there are, similar names, the pip index."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from envtool.engines import availability, installers
from envtool.engines.availability import Missing
from envtool.engines.errors import unsatisfiable
from envtool.engines.installers import PipHalf
from envtool.engines.protocol import UnsatisfiableError
from envtool.errors import EnvtoolError
from envtool.i18n import tr
from envtool.model import Sources
from envtool.operations.context import Context
from envtool.specs import match_spec

_PYTHON = "3.12"  # for which the pip index is asked whether it has a package at all


@contextmanager
def named(context: Context, specs: Sequence[str], sources: Sources) -> Iterator[None]:
    """Solve in this block: an UnsatisfiableError says what no channel has, whatever the engine, and what there is."""
    try:
        yield
    except UnsatisfiableError as error:
        found = _missing(context, specs, sources)
        if not found.specs:
            raise
        told = error if error.unavailable else unsatisfiable(error.message, found.specs)
        if hints := [hint for spec in found.similar if (hint := _hint(spec, found.similar[spec], sources))]:
            told.hint = " ".join(hints)
        raise told from (None if told is error else error)


def _missing(context: Context, specs: Sequence[str], sources: Sources) -> Missing:
    with suppress(EnvtoolError):
        return availability.missing(context.host, context.conda_settings(), specs, sources)
    return Missing({}, {})


def _hint(spec: str, similar: Sequence[str], sources: Sources) -> str:
    """Return what there is in place of a package that no channel knows, as one sentence; ``""`` for nothing."""
    name = match_spec.name(spec)
    if version := _on_the_index(name, sources):
        return tr("{name} is on the pip index, in {version}: --pip {name}", name=name, version=version)
    return tr("Did you mean {names}?", names=", ".join(similar)) if similar else ""


def _on_the_index(name: str, sources: Sources) -> str:
    """Return the newest version of a package on the pip index; ``""`` where it is not there, or nobody answers."""
    if sources.offline:
        return ""
    with suppress(EnvtoolError):
        pins = installers.resolve(PipHalf((name,)), _PYTHON, sources.pip, dependencies=False)
        return next((pin.partition("==")[2].split()[0] for pin in pins), "")
    return ""
