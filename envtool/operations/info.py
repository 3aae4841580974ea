"""``envtool info``: everything about one environment."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from envtool.environments import find, packages, state
from envtool.environments.size import Size
from envtool.environments.torch_build import torch
from envtool.i18n import tr
from envtool.model import Environment, Package
from envtool.operations.context import Context
from envtool.operations.steps import guards
from envtool.operations.steps.channel_names import channel_names
from envtool.operations.steps.disk_usage import measure
from envtool.operations.steps.target import is_active
from envtool.operations.steps.variables import shown_variables
from envtool.prefix import bootstrap_record, frozen, pinned
from envtool.prefix.history import Revision, revisions
from envtool.versioned_json import NewerVersionError

_LAST = 5  # changes shown


@dataclass(frozen=True)
class Info:
    """One environment in full.

    ``unfinished`` says what was interrupted and how to go on; ``frozen`` is the owner's message, None where the
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
        environment, worker = self.environment, self.environment.worker
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
            "at_work": worker and {"pid": worker.pid, "command": f"envtool {worker.command}"},
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
    """Return everything about an environment; variables that look secret are masked unless ``show``."""
    prefix = environment.prefix
    contents = packages.read(environment)
    return Info(
        environment,
        active=is_active(context, environment),
        python=packages.python_version(environment),
        torch=torch(prefix),
        frozen=frozen.message(prefix),
        unfinished=(guards.interruption(environment) or ()) if environment.was_interrupted else (),
        broken=(*contents.warnings, *state.python_missing(environment)),
        conda=len(contents.conda),
        pip=len(contents.pip),
        channels=_channels(context, environment, contents.conda),
        size=_size(context, environment),
        variables=shown_variables(environment, reveal=show),
        pins=_pins(prefix),
        changed=state.last_change(prefix),
        revisions=revisions(prefix)[-_LAST:],
        bootstrap=_bootstrap(context, prefix),
    )


def _channels(context: Context, environment: Environment, half: Sequence[Package]) -> dict[str, int]:
    """Return how many packages came from each channel, most first."""
    names = channel_names(context, environment, (package.channel for package in half))
    return dict(Counter(names[package.channel] for package in half if package.channel).most_common())


def _size(context: Context, environment: Environment) -> Size:
    inside = find.inside(context.host, context.folders, environment.prefix)
    with context.reporter.bar(tr("Measuring"), unit="files") as bar:
        return measure(environment, inside, bar.update)


def _pins(prefix: Path) -> tuple[str, ...]:
    try:
        return pinned.specs(prefix)
    except OSError:
        return ()  # a change would be refused; everything else can still be shown


def _bootstrap(context: Context, prefix: Path) -> Mapping[str, Any] | None:
    try:
        return bootstrap_record.read(prefix)
    except NewerVersionError as error:
        context.reporter.warn(error.message)
        return None
