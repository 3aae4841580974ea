"""The frame of a change to an environment: it ends in its new state, in its old one, or says how to reach either.

Before the first write the old state is written down beside the mark, so that it can be brought back by this process, or
by ``envtool rollback`` after a kill.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envtool.engines import installers
from envtool.engines.installers import InstallOptions
from envtool.engines.protocol import Engine, Solution
from envtool.environments import packages
from envtool.errors import EnvtoolError
from envtool.files import write_atomically
from envtool.i18n import tr
from envtool.model import Environment, PipSources
from envtool.operations.steps import pip_packages
from envtool.operations.steps.prefix_lock import delete, holding, old_state, refuse_unfinished, require_environment
from envtool.prefix import conda_meta, frozen
from envtool.prefix.layout import bin_dir, site_packages
from envtool.prefix.marks import mark_finished, mark_unfinished, unfinished
from envtool.reporter import Reporter

Json = dict[str, Any]


@dataclass(frozen=True)
class Frame:
    """One change: where, the user's command line without logins, and a scratch on the same disk."""

    prefix: Path
    command: str
    scratch: Path


@contextmanager
def held(environment: Environment, command: str, reporter: Reporter, *, dry_run: bool = False) -> Iterator[Path]:
    """Hold an environment from the first look at it to the last write, and yield a scratch; a dry run only looks.

    Raises EnvtoolError where an earlier change did not come to its end.
    """
    if dry_run:
        yield environment.prefix
        return
    with holding(environment.prefix, command, reporter) as scratch:
        require_environment(environment.prefix)
        refuse_unfinished(environment)
        yield scratch


def refuse_frozen(environment: Environment) -> None:
    """Raise EnvtoolError where an environment's owner does not want it changed (CEP 22: ``conda-meta/frozen``)."""
    message = frozen.message(environment.prefix)
    if message is None:
        return
    raise EnvtoolError(
        tr("{name} is frozen. {message}", name=environment.name or environment.prefix, message=message).strip(),
        hint=tr("Clone it and change the clone, or add --override-frozen."),
    )


@contextmanager
def changing(frame: Frame, engine: Engine, solution: Solution, pip: PipSources, reporter: Reporter) -> Iterator[None]:
    """Fetch, write the old state down, mark; where something fails inside, bring the old state back.

    An interruption leaves the environment marked unfinished, with the two ways out: what was at work may have been cut
    off anywhere, and to bring files back beside it would be a promise that nobody has checked.
    """
    if not solution.changes_nothing:
        engine.fetch(solution, frame.prefix, frame.scratch, reporter)
    _write_down(frame, engine.snapshot(solution, frame.prefix))
    try:
        mark_unfinished(frame.prefix, frame.command)
        try:
            yield
        except Exception as error:
            reporter.note(tr("Bringing back the state before."))
            try:
                bring_back(frame.prefix, frame.scratch, engine, pip, reporter)
            except EnvtoolError as second:
                raise _stuck(frame.prefix, error, second) from error
            raise
        _settle(frame.prefix)
    except KeyboardInterrupt:
        engine.close()  # what it keeps running goes on writing otherwise
        if unfinished(frame.prefix):
            _say_unfinished(frame.prefix, reporter)
        raise


def bring_back(prefix: Path, scratch: Path, engine: Engine, pip: PipSources, reporter: Reporter) -> None:
    """Bring an environment back to the packages that were written down, from wherever a change was cut off.

    Raises EnvtoolError where other packages than those are found afterwards; the mark and what was written down stay.
    """
    state: Json = json.loads(old_state(prefix).read_bytes())
    engine.restore(state["conda"], prefix, scratch, reporter)
    _bring_back_pip(prefix, state, pip, reporter)
    engine.relink(state["conda"], prefix, scratch, reporter)
    _refuse_other_packages(prefix, state)
    _settle(prefix)


def _refuse_other_packages(prefix: Path, state: Json) -> None:
    """Raise EnvtoolError where the packages of an environment are not those that were written down."""
    before = {f"{name}=={version}" for name, version in state["versions"].items()} | set(state.get("installed", ()))
    now = {f"{package.name}=={package.version}" for package in packages.read(prefix).pip}
    if "installed" in state:  # 0.1.0 did not write it down
        now |= set(_installed(prefix))
    if wrong := sorted(before ^ now):
        raise EnvtoolError(
            tr(
                "{prefix} does not have the packages that it had before: {names}.",
                prefix=prefix,
                names=", ".join(wrong),
            )
        )


def _installed(prefix: Path) -> list[str]:
    """Return conda's packages as ``name-version-build``, from the names of their records."""
    return sorted("-".join(parts) for parts in conda_meta.names(prefix))


def _write_down(frame: Frame, conda: Json) -> None:
    contents = packages.read(frame.prefix)
    state = {
        "conda": conda,
        "installed": _installed(frame.prefix),
        "pip": {package.name: pip_packages.line(package) for package in contents.pip},
        "versions": {package.name: package.version for package in contents.pip},
        "entries": sorted(_entries(frame.prefix)),
    }
    write_atomically(old_state(frame.prefix), json.dumps(state).encode())


def _settle(prefix: Path) -> None:
    # The mark goes first: a state without a mark is only litter, a mark without a state would be a dead end.
    mark_finished(prefix)
    old_state(prefix).unlink(missing_ok=True)


def _bring_back_pip(prefix: Path, state: Json, sources: PipSources, reporter: Reporter) -> None:
    """Bring back pip packages that a change took or damaged, and take away what it brought, whole or in part."""
    new = [package.name for package in packages.read(prefix).pip if package.name not in state["pip"]]
    if new:
        with suppress(EnvtoolError):  # one that was cut off cannot be uninstalled by its own list; see the next lines
            installers.uninstall(new, pip_packages.interpreter(prefix))
    before = set(state["entries"])
    for name in sorted(_entries(prefix) - before):  # a folder before what is in it
        if name.rpartition("/")[0] in before:
            delete(prefix / name)
    now = {package.name: package.version for package in packages.read(prefix).pip}
    whole = {name for name in now if now[name] == state["versions"].get(name)} - pip_packages.damaged(prefix)
    lost = tuple(line for name, line in state["pip"].items() if name not in whole)
    if lost:
        options = InstallOptions(dependencies=False, reinstall=True)
        installers.install(pip_packages.half(lost), pip_packages.interpreter(prefix), sources, reporter, options)


def _entries(prefix: Path) -> set[str]:
    """Return the folders and files where pip packages lie, compiled ones apart, as paths in the prefix.

    A package that was cut off has files in folders that were there before, and no list of them yet.
    """
    roots = [folder for folder in (site_packages(prefix), bin_dir(prefix)) if folder and folder.is_dir()]
    found = set()
    for root in roots:
        for folder, folders, files in os.walk(root):
            folders[:] = [name for name in folders if name != "__pycache__"]
            inside = os.path.relpath(folder, prefix)
            found |= {inside, *(f"{inside}/{name}" for name in (*folders, *files))}
    return found


def _say_unfinished(prefix: Path, reporter: Reporter) -> None:
    reporter.warn(
        tr(
            "The change was interrupted and {prefix} is unfinished: `envtool rollback {prefix}` goes back,"
            " `envtool resume {prefix}` finishes it.",
            prefix=prefix,
        )
    )


def _stuck(prefix: Path, first: BaseException, second: EnvtoolError) -> EnvtoolError:
    return EnvtoolError(
        tr(
            "The change failed ({first}), and the state before could not be brought back ({second}).",
            first=first,
            second=second,
        ),
        hint=tr("Mend what stood in the way, then go back with `envtool rollback {prefix}`.", prefix=prefix),
    )
