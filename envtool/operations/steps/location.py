"""Where a new environment goes, and that nothing stands in its way."""

from pathlib import Path

from envtool.environments import find
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.model import Environment, Kind
from envtool.operations.context import Context
from envtool.operations.steps import names
from envtool.prefix.layout import kind_of
from envtool.prefix.marks import intent_of


def name_or_path(text: str) -> tuple[str, Path | None]:
    """Return what a destination is: a name and None, or ``""`` and a path."""
    return ("", Path(text)) if find.is_path(text) else (text, None)


def place(context: Context, name: str, prefix: Path | None, kind: Kind) -> Path:
    """Return where the environment goes. Raises EnvtoolError where that is taken or cannot be, before any network."""
    if prefix:
        prefix = prefix.expanduser().absolute()
        inside = next((parent for parent in prefix.parents if kind_of(parent)), None)
        if inside and inside != context.root:
            raise EnvtoolError(
                tr("{prefix} lies inside the environment {inside}.", prefix=prefix, inside=inside),
                hint=tr("Choose a folder outside of every environment."),
                code=ExitCode.USAGE,
            )
        names.refuse_existing(prefix, "")
        return prefix
    refuse_taken(context, name)
    prefix = folder_for(context, kind) / name
    if not intent_of(prefix).exists():  # else somebody is, or was, making it: whoever gets the lock will see
        names.refuse_existing(prefix, name)
    return prefix


def folder_for(context: Context, kind: Kind) -> Path:
    """Return the folder in which new environments of a kind go by their name."""
    return context.folders.venvs if kind == "venv" else names.first_writable(context.folders.conda)


def refuse_taken(context: Context, name: str) -> None:
    """Raise EnvtoolError where a name cannot be given, or any engine's environment has it already."""
    names.check(name)
    for folder in context.folders.every:
        # one namespace over all engines: `dl` must mean one environment
        if kind_of(folder / name) and not intent_of(folder / name).exists():
            names.refuse_existing(folder / name, name)


def is_installation(environment: Environment) -> bool:
    """Return whether an environment is the root of a conda installation: base, or some other installation's."""
    return environment.name == "base" or (environment.prefix / "condabin").is_dir()
