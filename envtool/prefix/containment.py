"""Containment: paths below a prefix that would lead out of it, by ``..``, as absolute paths, or through links."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from envtool.errors import EnvtoolError
from envtool.i18n import tr

_HOPS = 40  # links in a row, as many as Linux follows


class LeadsOutError(EnvtoolError, OSError):
    """A file of an environment that lies elsewhere, by a link. To readers it is one that cannot be read."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            tr("{path} leads out of its environment; it is neither read nor written.", path=path),
            hint=tr("Find out who put the link there, and remove it."),
        )


def inside(prefix: Path, path: str) -> Path:
    """Return the full path of a file below a prefix. Raises LeadsOutError where a link leads out of the environment."""
    full = prefix / path
    real = os.path.realpath(prefix)
    if not os.path.realpath(full).startswith(real.rstrip("/\\") + os.sep):
        raise LeadsOutError(full)
    return full


def is_reserved(path: str) -> bool:
    """Return whether a package may not bring a file at a path: envtool's folder, conda's history and its records."""
    top, *below = [part.casefold() for part in path.split("/") if part not in ("", ".")] or [""]
    if top == "conda-meta":
        return not below or below == ["history"] or (len(below) == 1 and below[0].endswith(".json"))
    return top == ".envtool"


def leading_out(prefix: Path, paths: Iterable[str], links: Mapping[str, str] = {}) -> list[str]:
    """Return those of ``paths`` at which a file would not lie in the environment.

    ``links`` are links that are still to come, path -> target; those on the disk count, too. A path itself may be a
    link that leads anywhere: what counts is the folder that it lies in.
    """
    folders = _Folders(prefix, links)
    return [path for path in paths if not folders.holds(path)]


class _Folders:
    """The folders of an environment, each looked at once."""

    def __init__(self, prefix: Path, links: Mapping[str, str]) -> None:
        self._prefix, self._links = os.path.realpath(prefix), links
        self._inside: dict[str, bool] = {"": True}
        self._targets: dict[str, str | None] = {}

    def holds(self, path: str) -> bool:
        if not path or path.startswith("/") or "\0" in path:
            return False
        folder, _, name = path.rpartition("/")
        if name in ("", ".", "..") or ".." in folder.split("/"):
            return False
        if folder not in self._inside:
            self._inside[folder] = self._is_inside(folder)
        return self._inside[folder]

    def _is_inside(self, folder: str) -> bool:
        """Return whether a folder lies in the environment, links followed."""
        here: list[str] = []
        waiting, hops = [*reversed(folder.split("/"))], 0
        while waiting:
            part = waiting.pop()
            if part in ("", "."):
                continue
            if part == "..":
                if not here:
                    return False
                here.pop()
                continue
            target = self._target("/".join((*here, part)))
            if target is None:
                here.append(part)
                continue
            hops += 1
            if target.startswith("/"):
                below = self._below(target)
                if below is None:
                    return False
                target, here = below, []
            if hops > _HOPS:
                return False
            waiting += reversed(target.split("/"))
        return True

    def _below(self, target: str) -> str | None:
        """Return what an absolute path is called below the prefix, None where it lies elsewhere."""
        real = os.path.normpath(target)
        if real == self._prefix:
            return ""
        return real[len(self._prefix) + 1 :] if real.startswith(f"{self._prefix}/") else None

    def _target(self, path: str) -> str | None:
        if path not in self._targets:
            found = self._links.get(path)
            if found is None:
                try:
                    found = os.readlink(f"{self._prefix}/{path}")  # noqa: PTH115 - thousands of times
                except OSError:
                    found = None
            self._targets[path] = found
        return self._targets[path]
