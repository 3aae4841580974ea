"""What ``envtool info`` answers: everything about one environment."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from envtool.clients import conda
from envtool.environments import find, packages, state
from envtool.environments.size import Size
from envtool.environments.torch_build import torch
from envtool.errors import EnvtoolError
from envtool.i18n import tr
from envtool.model import Environment, Package
from envtool.operations.context import Context
from envtool.operations.steps.disk_usage import measure
from envtool.operations.steps.prefix_lock import refuse_unfinished
from envtool.operations.vars import shown
from envtool.prefix import frozen, pinned
from envtool.prefix.history import Revision, revisions
from envtool.prefix.marks import OWN

_LAST = 5  # changes worth a line each


@dataclass(frozen=True)
class Info:
    """One environment, whole.

    ``unfinished`` says what was cut off and what the ways out are; ``frozen`` is the message, None where the
    environment is not frozen; ``changed`` is in seconds since the epoch; ``channels`` counts the packages of each.
    """

    environment: Environment
    active: bool
    python: str
    torch: str
    frozen: str | None
    unfinished: tuple[str, ...]
    broken: tuple[str, ...]
    conda: int
    pip: int
    channels: Mapping[str, int]
    size: Size
    variables: Mapping[str, str]
    pins: tuple[str, ...]
    changed: float | None
    revisions: tuple[Revision, ...]
    bootstrap: Mapping[str, Any] | None

    def as_dict(self) -> dict[str, Any]:
        """Return what --json shows."""
        environment = self.environment
        return {
            "name": environment.name,
            "path": str(environment.prefix),
            "kind": environment.kind,
            "engine": environment.engine,
            "active": self.active,
            "python": self.python,
            "torch": self.torch,
            "frozen": self.frozen,
            "unfinished": list(self.unfinished),
            "broken": list(self.broken),
            "packages": {"conda": self.conda, "pip": self.pip},
            "channels": dict(self.channels),
            "size": asdict(self.size),
            "variables": dict(self.variables),
            "pins": list(self.pins),
            "changed": self.changed,
            "revisions": [asdict(revision) for revision in self.revisions],
            "bootstrap": self.bootstrap,
        }


def info(context: Context, environment: Environment, *, show: bool = False) -> Info:
    """Return everything about an environment; variables that look like secrets are masked unless ``show``."""
    prefix = environment.prefix
    contents = packages.read(environment)
    active = context.active
    return Info(
        environment,
        active=bool(active and active.prefix == prefix),
        python=packages.python_version(environment),
        torch=torch(prefix),
        frozen=frozen.message(prefix),
        unfinished=_unfinished(environment),
        broken=(*contents.warnings, *state.python_missing(environment)),
        conda=len(contents.conda),
        pip=len(contents.pip),
        channels=_channels(context, environment, contents.conda),
        size=_size(context, environment),
        variables=shown(environment, show=show),
        pins=_pins(prefix),
        changed=state.last_change(prefix),
        revisions=revisions(prefix)[-_LAST:],
        bootstrap=_bootstrap(prefix),
    )


def _unfinished(environment: Environment) -> tuple[str, ...]:
    try:
        refuse_unfinished(environment)
    except EnvtoolError as error:
        return error.message, error.hint
    return ()


def _channels(context: Context, environment: Environment, half: tuple[Package, ...]) -> dict[str, int]:
    settings = context.conda_settings(environment.prefix)
    used = Counter(package.channel for package in half if package.channel)
    named = Counter[str]()
    for channel, count in used.items():
        named[conda.canonical_name(settings, channel)] += count
    return dict(named.most_common())


def _size(context: Context, environment: Environment) -> Size:
    with context.reporter.bar(tr("Measuring"), unit="files") as bar:
        return measure(environment, find.find_all(context.host, context.folders), bar.update)


def _pins(prefix: Path) -> tuple[str, ...]:
    try:
        return pinned.specs(prefix)
    except OSError:
        return ()  # a change would be refused for it; there is still much to be told


def _bootstrap(prefix: Path) -> Mapping[str, Any] | None:
    """Return what was decided and why when ``envtool bootstrap`` made the environment."""
    try:
        record = json.loads((prefix / OWN / "bootstrap.json").read_bytes())
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None
