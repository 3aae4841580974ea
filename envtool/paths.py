"""The machine and account that a run serves, and where things live on it."""

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Host:
    """One machine seen by one account. Handed down, so that nothing below asks the process for its environment.

    ``system`` is what :func:`platform.system` says (``Linux``, ``Darwin``, ``Windows``), ``machine`` its processor
    (``x86_64``, ``aarch64``, ``arm64``, ``AMD64``).
    """

    environ: Mapping[str, str]
    home: Path
    system: str
    machine: str

    @classmethod
    def here(cls) -> "Host":
        """Return the machine and account of this process."""
        # expanduser honours $HOME, which is what a clean-room run sets; the password database would not.
        return cls(dict(os.environ), Path("~").expanduser(), platform.system(), platform.machine())

    @property
    def config_dir(self) -> Path:
        """envtool's own settings: the user's mirrors."""
        return self._own("XDG_CONFIG_HOME", ".config", "config")

    @property
    def data_dir(self) -> Path:
        """What must not be lost: venvs, journals, records of what was decided."""
        return self._own("XDG_DATA_HOME", ".local/share", "data")

    @property
    def cache_dir(self) -> Path:
        """What may be deleted at any time: packages, index pages, parsed listings."""
        return self._own("XDG_CACHE_HOME", ".cache", "cache")

    def _own(self, variable: str, default: str, part: str) -> Path:
        if root := self.environ.get("ENVTOOL_HOME"):
            return Path(root).expanduser().absolute() / part
        if self.system == "Windows":
            base = Path(self.environ.get("LOCALAPPDATA") or self.home / "AppData/Local")
            return base / "envtool" / part
        if self.system == "Darwin" and variable not in self.environ:
            kind = {"config": "Application Support", "data": "Application Support", "cache": "Caches"}[part]
            return self.home / "Library" / kind / "envtool" / ("" if part == "cache" else part)
        xdg = self.environ.get(variable, "")
        # The XDG specification: a relative path is to be ignored.
        return (Path(xdg) if Path(xdg).is_absolute() else self.home / default) / "envtool"

    @property
    def subdir(self) -> str:
        """The conda platform of this machine: ``linux-64``, ``linux-aarch64``, ``osx-arm64``, ``win-64``..."""
        systems = {"Linux": "linux", "Darwin": "osx", "Windows": "win"}
        machines = {"x86_64": "64", "amd64": "64", "aarch64": "aarch64", "arm64": "arm64"}
        machine = machines.get(self.machine.lower(), self.machine.lower())
        return f"{systems.get(self.system, self.system.lower())}-{machine}"
