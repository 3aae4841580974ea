"""Find the environments on this machine in the files alone: nothing is started, nothing is written.

The rules are conda's own (``conda.core.envs_manager.list_all_known_prefixes``), with one difference: conda cleans
``environments.txt`` while it lists, and this never does. envtool's venvs join the same list.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from envtool.environment import Environment, Kind
from envtool.errors import EnvtoolError, ExitCode
from envtool.files import shebang
from envtool.i18n import tr
from envtool.paths import Host
from envtool.prefix import environments_txt, marks
from envtool.prefix.layout import bin_dir, kind_of
from envtool.versioned_json import NewerVersionError

ROOT_NAMES = ("base", "root")  # both mean the root prefix to conda


class Folders(NamedTuple):
    """The folders in which environments have a name; ``root`` is the environment base."""

    root: Path | None
    conda: tuple[Path, ...]
    venvs: Path

    @classmethod
    def of(cls, host: Host, root: Path | None, configured: Sequence[Path]) -> "Folders":
        """Return the folders of an account; ``configured`` are those that conda's settings name."""
        return cls(root, envs_dirs(host, root, configured), venvs_dir(host))

    @property
    def every(self) -> tuple[Path, ...]:
        """All folders whose entries go by their own names: there is one namespace over all engines."""
        return (*self.conda, self.venvs)

    def of_name(self, name: str) -> list[Path]:
        """Return the prefixes that an environment of a name may have, whether it exists or not."""
        if name in ROOT_NAMES:
            return [self.root] if self.root else []
        return [folder / name for folder in self.every] if name else []

    def at(self, prefix: Path) -> Environment | None:
        """Return the environment at a prefix, or None; an unfinished one counts as soon as it has envtool's mark."""
        marked = marks.may_have_marks(prefix)
        unfinished = marked and marks.is_unfinished(prefix) and prefix.is_dir()  # begun without a folder is nothing yet
        supposed: Kind = "venv" if prefix.parent == self.venvs else "conda"
        kind = kind_of(prefix) or (supposed if unfinished else None)
        if kind is None:
            return None
        engine, newer_file = "", None
        try:
            if unfinished:
                marks.require_known(prefix)
            engine = marks.made_by(prefix) if marked else ""
        except NewerVersionError as error:
            newer_file = error.path
        worker = marks.worker(prefix) if marked else None
        return Environment(self._name(prefix), prefix, kind, engine, unfinished, newer_file, worker)

    def _name(self, prefix: Path) -> str:
        if self.root and _same(prefix, self.root):
            return "base"
        return prefix.name if any(_same(prefix.parent, folder) for folder in self.every) else ""


def find_all(host: Host, folders: Folders) -> tuple[Environment, ...]:
    """Return every environment that conda or envtool knows of: base first, then by name, those without a name last."""
    found: dict[str, Environment] = {}
    real_parents: dict[Path, str] = {}
    for prefix in _candidates(host, folders):
        # One environment may be reached by several paths, by links too; the first path, the one with a name, wins.
        key = _real_once(prefix, real_parents)
        if key not in found and (environment := folders.at(prefix)):
            found[key] = environment
    return tuple(sorted(found.values(), key=lambda e: (e.name != "base", not e.name, e.name, str(e.prefix))))


def resolve(host: Host, folders: Folders, name_or_path: str) -> Environment:
    """Return the environment that a user names, or whose path a user gives.

    Raises EnvtoolError: MISSING where there is none, USAGE where several have the name; NewerVersionError.
    """
    if is_path(name_or_path):
        return readable(_resolve_path(host, folders, name_or_path))
    found = {_real(e.prefix): e for prefix in reversed(folders.of_name(name_or_path)) if (e := folders.at(prefix))}
    if not found:
        raise _unknown(host, folders, name_or_path)
    if len(found) > 1:
        paths = ", ".join(str(environment.prefix) for environment in reversed(found.values()))
        raise EnvtoolError(
            tr("Several environments are named {name}: {paths}.", name=name_or_path, paths=paths),
            hint=tr("Give a path instead of the name."),
            code=ExitCode.USAGE,
        )
    return readable(next(iter(found.values())))


def readable(environment: Environment) -> Environment:
    """Return the environment. Raises NewerVersionError where a newer envtool wrote state of it that has to be known."""
    if environment.newer_file:
        raise NewerVersionError(environment.newer_file)
    return environment


def active_prefix(host: Host) -> Path | None:
    """Return the prefix of the environment that is active in the user's shell; None without one.

    A venv may be active on top of a conda environment, or the other way round: the one whose programs come first on
    PATH counts.
    """
    prefixes = [Path(value) for name in ("VIRTUAL_ENV", "CONDA_PREFIX") if (value := host.environ.get(name))]
    order = host.environ.get("PATH", "").split(os.pathsep)

    def rank(prefix: Path) -> int:
        programs = str(bin_dir(prefix))
        return order.index(programs) if programs in order else len(order)

    return min(
        (prefix for prefix in prefixes if kind_of(prefix) or marks.is_unfinished(prefix)), key=rank, default=None
    )


def inside(host: Host, folders: Folders, prefix: Path) -> list[Path]:
    """Return the prefixes of the environments that lie inside another one."""
    return [candidate for candidate in _candidates(host, folders) if prefix in candidate.parents and kind_of(candidate)]


def conda_root(host: Host) -> Path | None:
    """Return the root prefix of the conda (else mamba) installation in use, or None where there is none.

    conda is not started: a shell that it is set up in says where it is, else PATH leads to it.
    """
    for variable in ("CONDA_EXE", "CONDA_ROOT", "_CONDA_ROOT"):
        if (value := host.environ.get(variable)) and (path := Path(value)).exists():
            return path if path.is_dir() else _root_of(path)
    program = shutil.which("conda", path=host.environ.get("PATH", os.defpath))
    # A shell that mamba is set up in is mamba's, whatever conda is on PATH.
    return _root_of(Path(program)) if program and not host.environ.get("MAMBA_EXE") else _mamba_root(host)


def envs_dirs(host: Host, root: Path | None, configured: Sequence[Path]) -> tuple[Path, ...]:
    """Return the folders in which conda environments have a name, the preferred one first.

    ``root`` is the installation in use, ``configured`` are the folders that conda's settings name.
    """
    defaults = [host.home / ".conda" / "envs"]
    if root:
        # conda's own order: an installation that the user may not write to comes after the home. micromamba's root is
        # created when it is first needed.
        existing = next(folder for folder in (root, *root.parents) if folder.exists())
        defaults.insert(0 if os.access(existing, os.W_OK) else 1, root / "envs")
    if host.system == "Windows":
        local = Path(host.environ.get("LOCALAPPDATA") or host.home / "AppData" / "Local")
        defaults.append(local / "conda" / "conda" / "envs")
    if mamba := _mamba_root(host):
        defaults.append(mamba / "envs")
    return tuple(dict.fromkeys((*(folder.expanduser() for folder in configured), *defaults)))


def venvs_dir(host: Host) -> Path:
    """Return the folder of envtool's own venvs."""
    return host.data_dir / "envs"


def _same(one: Path, other: Path) -> bool:
    return one == other or _real(one) == _real(other)


def _real(path: Path) -> str:
    try:
        return os.path.normcase(os.path.realpath(path))
    except OSError:  # a link on the way that we may not read
        return os.path.normcase(path)


def _real_once(path: Path, real_parents: dict[Path, str]) -> str:
    """Return the real path of one of many neighbours; that of their folder is resolved once."""
    # not Path.is_symlink: up to Python 3.13 it raises where a folder on the way is closed to us, or a path too long
    if os.path.islink(path) or ".." in path.parts:  # noqa: PTH114
        return _real(path)
    parent = path.parent
    if parent not in real_parents:
        real_parents[parent] = _real(parent)
    return os.path.normcase(os.path.join(real_parents[parent], path.name))  # noqa: PTH118 - a thousand times


def _candidates(host: Host, folders: Folders) -> Iterator[Path]:
    if folders.root:
        yield folders.root
    for folder in folders.every:
        yield from _children(folder)
    for home in _homes(host):
        yield from environments_txt.prefixes(home)


def _children(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [Path(entry) for entry in entries if entry.is_dir()]
    except OSError:
        return []


def _homes(host: Host) -> list[Path]:
    """Return the homes whose registered environments are listed: for root everybody's, as conda does."""
    if os.name == "nt" or os.geteuid() != 0:
        return [host.home]
    import pwd

    # A run with another HOME (a container build, a test) is about that home, whoever runs it.
    if Path(pwd.getpwuid(0).pw_dir) != host.home:
        return [host.home]
    return list(dict.fromkeys((host.home, *(Path(user.pw_dir) for user in pwd.getpwall()))))


def is_path(text: str) -> bool:
    """Return whether a word is a path and not a name: it has a separator in it, or begins with . or ~."""
    separators = [os.sep, os.altsep or os.sep, "/"]
    return text.startswith((".", "~")) or any(separator in text for separator in separators)


def _resolve_path(host: Host, folders: Folders, text: str) -> Environment:
    # normpath, not resolve: the path stays the one that the user gave, links included.
    home = str(host.home) + text[1:] if text == "~" or text.startswith("~/") else text
    prefix = Path(os.path.normpath(Path(home).absolute()))
    if environment := folders.at(prefix):
        return environment
    if not prefix.exists():
        raise EnvtoolError(
            tr("There is no environment at {path}: the path does not exist.", path=prefix),
            hint=tr("`envtool list` shows all environments."),
            code=ExitCode.MISSING,
        )
    raise EnvtoolError(
        tr(
            "There is no environment at {path}: it has neither conda-meta/history nor pyvenv.cfg.",
            path=prefix,
        ),
        hint=tr("`envtool list` shows all environments."),
        code=ExitCode.MISSING,
    )


def _unknown(host: Host, folders: Folders, name: str) -> EnvtoolError:
    import difflib

    close = difflib.get_close_matches(name, [e.name for e in find_all(host, folders) if e.name])
    hint = (
        tr("Did you mean {names}? `envtool list` shows all environments.", names=", ".join(close))
        if close
        else tr("`envtool list` shows all environments.")
    )
    return EnvtoolError(
        tr("There is no environment named {name}.", name=name or "''"), hint=hint, code=ExitCode.MISSING
    )


def _root_of(program: Path) -> Path | None:
    """Return the prefix that a conda program belongs to: by its real path, or by the Python that runs it."""
    real = program.resolve()
    for start in (real, *map(Path, shebang(real)[:1])):
        for folder in start.parents[:3]:
            # pip can install conda, too: its venv is its root then.
            if (folder / "conda-meta").is_dir() or (folder / "pyvenv.cfg").is_file():
                return folder
    return None


def _mamba_root(host: Host) -> Path | None:
    """Return the root prefix of mamba or micromamba by the rules of libmamba 2 (``get_root_prefix``), or None."""
    if root := host.environ.get("MAMBA_ROOT_PREFIX"):
        return Path(root)
    path = host.environ.get("PATH", os.defpath)
    program = host.environ.get("MAMBA_EXE") or shutil.which("mamba", path=path) or shutil.which("micromamba", path=path)
    if not program:
        return None
    prefix = Path(program).resolve().parent.parent
    for folder in (prefix.parent.parent, prefix, host.home / "micromamba"):
        if any((folder / part).exists() for part in ("pkgs", "conda-meta", "envs")):
            return folder
    return Path(host.environ.get("XDG_DATA_HOME") or host.home / ".local" / "share") / "mamba"
