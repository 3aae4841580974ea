"""Rollback of a change that envtool 0.1 left unfinished: it wrote down packages where later versions keep files."""

from contextlib import suppress
from pathlib import Path

from envtool import versioned_json
from envtool.engines import installers
from envtool.engines.installers import InstallOptions, PipHalf
from envtool.engines.protocol import Engine, SolveRequest
from envtool.environments import packages
from envtool.errors import EnvtoolError
from envtool.i18n import tr
from envtool.model import Archive, Sources
from envtool.operations.steps import pip_packages
from envtool.prefix import conda_meta, site_packages
from envtool.prefix.layout import site_packages_dir
from envtool.prefix.marks import mark_finished
from envtool.reporter import Reporter
from envtool.versioned_json import Json


def bring_back(
    recorded: Path, prefix: Path, scratch: Path, engine: Engine, sources: Sources, reporter: Reporter
) -> None:
    """Install the packages that were there before again, and remove those that came. May need the network.

    Raises EnvtoolError where the packages are others afterwards; the mark and the old state stay then.
    """
    state = versioned_json.read(recorded)
    before = _archives(state["conda"])
    conda_meta.delete_broken(prefix, set(before))
    for request in _requests(before, _installed(prefix)):
        solution = engine.solve(request, prefix, sources, reporter)
        engine.fetch(solution, prefix, scratch, reporter)
        engine.change(solution, prefix, scratch, reporter)
    _bring_back_pip(prefix, state, sources, reporter)
    if wrong := _differences(prefix, state, set(before)):
        raise EnvtoolError(
            tr("The packages of {prefix} differ from before: {names}", prefix=prefix, names=", ".join(wrong))
        )
    mark_finished(prefix)
    recorded.unlink()


def _archives(conda: Json) -> dict[str, Archive]:
    """Return the archive of each package by ``name-version-build``, as either engine wrote it down."""
    if "packages" in conda:
        return {stem: Archive(**address) for stem, address in conda["packages"].items()}
    return {
        "-".join(conda_meta.identity(r)): Archive(r["url"], r.get("md5") or "", r.get("sha256") or "")
        for r in conda.get("records", ())
    }


def _requests(before: dict[str, Archive], now: set[str]) -> list[SolveRequest]:
    lost = tuple(archive for stem, archive in before.items() if stem not in now)
    names = {conda_meta.split_stem(stem)[0] for stem in before}
    added = tuple(sorted({conda_meta.split_stem(stem)[0] for stem in now} - names))
    install, remove = SolveRequest(archives=lost), SolveRequest(remove=added)
    return [*([install] if lost else []), *([remove] if added else [])]


def _bring_back_pip(prefix: Path, state: Json, sources: Sources, reporter: Reporter) -> None:
    new = [package.name for package in packages.read(prefix).pip if package.name not in state["pip"]]
    if new:
        with suppress(EnvtoolError):  # one that was cut off cannot be uninstalled by its own list
            installers.uninstall(new, pip_packages.interpreter(prefix))
    now = {package.name: package.version for package in packages.read(prefix).pip}
    whole = {name for name in now if now[name] == state["versions"].get(name)} - _damaged(prefix)
    if lost := tuple(line for name, line in state["pip"].items() if name not in whole):
        options = InstallOptions(dependencies=False, reinstall=True)
        python = pip_packages.interpreter(prefix)
        installers.install(PipHalf(lost), python, sources.pip, reporter, options)


def _damaged(prefix: Path) -> set[str]:
    folder = site_packages_dir(prefix)
    return site_packages.damaged(folder) if folder else set()


def _differences(prefix: Path, state: Json, stems: set[str]) -> list[str]:
    before = stems | {f"{name}=={version}" for name, version in state["versions"].items()}
    now = _installed(prefix) | {f"{package.name}=={package.version}" for package in packages.read(prefix).pip}
    return sorted(before ^ now)


def _installed(prefix: Path) -> set[str]:
    """Return conda's packages as ``name-version-build``."""
    return set(map("-".join, conda_meta.names(prefix)))
