"""Installed packages by the half of the environment that they belong to."""

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from envtool.environments.packages import Contents
from envtool.errors import EnvtoolError
from envtool.i18n import tr
from envtool.model import Environment, Package


def sorted_by_half(
    environment: Environment, contents: Contents, names: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return which of the names are conda's and which are pip's. Raises EnvtoolError for one that is neither's."""
    from packaging.utils import canonicalize_name

    conda_names = {package.name for package in contents.conda}
    pip_names = {package.name for package in contents.pip}
    conda = tuple(name for name in names if name.lower() in conda_names)
    pip = tuple(name for name in names if name not in conda and canonicalize_name(name) in pip_names)
    if missing := [name for name in names if name not in conda and name not in pip]:
        close = _similar(map(canonicalize_name, missing), conda_names | pip_names)
        raise _not_installed(environment, missing, close)
    return conda, pip


def channels_of(contents: Contents) -> tuple[str, ...]:
    """Return the channels that an environment's packages came from: what stays is solved from the same ones.

    A folder that somebody installed an archive from is no channel.
    """
    return tuple(dict.fromkeys(package.channel for package in contents.conda if is_from_channel(package)))


def is_from_channel(package: Package) -> bool:
    """Return whether a conda package came from a channel, and not from an archive that lay in any folder."""
    folder = package.url.rpartition("/")[0]
    if not package.channel or (folder and folder != f"{package.channel}/{package.subdir}"):
        return False
    if not folder.startswith("file:"):
        return True
    from urllib.request import url2pathname  # takes longer to import than an export takes to write

    path = Path(url2pathname(urlsplit(folder).path))
    return any(path.glob("repodata*"))


def _similar(names: Iterable[str], known: Iterable[str]) -> list[str]:
    known = [*known]
    return [match for name in names for match in difflib.get_close_matches(name, known, 1)]


def _not_installed(environment: Environment, missing: Sequence[str], close: Sequence[str]) -> EnvtoolError:
    title = environment.title
    message = tr("Not installed in {environment}: {names}.", environment=title, names=", ".join(missing))
    if close:
        hint = tr(
            "Did you mean {names}? `envtool list {name}` lists the packages.",
            names=", ".join(close),
            name=environment.word,
        )
    else:
        hint = tr("`envtool list {name}` lists the packages.", name=environment.word)
    return EnvtoolError(message, hint=hint)
