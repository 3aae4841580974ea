"""``Context``: one run of envtool, with everything that is read once and used in many places."""

from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from envtool.clients.conda import condarc
from envtool.environments import find
from envtool.environments.find import Folders
from envtool.paths import Host
from envtool.reporter import Reporter

if TYPE_CHECKING:  # commands that need neither should not import them
    from collections.abc import Callable

    from envtool.clients.conda import CondaSettings
    from envtool.clients.conda.condarc import CondaLayer
    from envtool.mirrors.catalogue import Catalogue


@dataclass(frozen=True, eq=False)
class Context:
    """One run: the machine, where messages go, and what the run reads from disk: each at its first use, and once.

    Engines, environments and clients receive the values they need, never the context. A settings file that changes
    during a run counts as it was when it was first read.
    """

    host: Host
    reporter: Reporter
    _settings: "dict[Path | None, CondaSettings]" = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def here(cls, reporter: Reporter) -> "Context":
        """Return a run on this machine, in the account of this process."""
        return cls(Host.here(), reporter)

    @cached_property
    def root(self) -> Path | None:
        """The root prefix of the conda (else mamba) installation in use; None without one."""
        return find.conda_root(self.host)

    @cached_property
    def folders(self) -> Folders:
        """The folders in which environments go by name. Raises EnvtoolError where a settings file is broken."""
        return Folders.of(self.host, self.root, self.conda_settings().envs_dirs)

    @cached_property
    def active(self) -> Path | None:
        """The prefix of the environment that is active in the user's shell; None without one."""
        return find.active_prefix(self.host)

    @cached_property
    def catalogue(self) -> "Catalogue":
        """The mirrors of envtool and of the user. Raises EnvtoolError (BAD_INPUT) with file and line."""
        from envtool.mirrors import catalogue

        return catalogue.load(self.host)

    def conda_settings(self, prefix: Path | None = None) -> "CondaSettings":
        """Return conda's settings for an environment, the active one by default.

        Raises EnvtoolError (BAD_INPUT) where a settings file is broken.
        """
        if prefix not in self._settings:
            from envtool.clients import conda

            self._settings[prefix] = conda.in_force(
                self.host, root=self.root, prefix=prefix, read_layer=self._read_layer
            )
        return self._settings[prefix]

    @cached_property
    def _read_layer(self) -> "Callable[[Path], CondaLayer]":
        # The settings of two environments have most of their files in common.
        return cache(condarc.read_layer)
