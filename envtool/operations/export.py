"""``envtool export``: an environment as a file from which it can be created again."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from envtool import specs
from envtool.environment import is_variable_name, set_by_activation
from envtool.environments import packages
from envtool.environments.packages import Contents
from envtool.errors import EnvtoolError, ExitCode
from envtool.files import is_special, write_atomically
from envtool.i18n import tr
from envtool.model import Archive, Environment, Package, Spec
from envtool.operations.context import Context
from envtool.operations.steps import pip_export
from envtool.operations.steps.channel_names import channel_names
from envtool.operations.steps.halves import is_from_channel
from envtool.operations.steps.target import target
from envtool.prefix import state_file
from envtool.redaction import is_secret
from envtool.reporter import Reporter
from envtool.specs import match_spec

_SHOWN = 5  # names in a message before the count of the others


@dataclass(frozen=True)
class ExportRequest:
    """What to export: ``name`` is a name or a path, ``""`` the active environment; ``output`` a file, or None.

    ``format`` is one of :func:`envtool.specs.writable`; ``""`` is the one that the file's name announces.
    """

    name: str = ""
    format: str = ""
    output: Path | None = None


@dataclass(frozen=True)
class Exported:
    """The text, and the file that it was written to, if any."""

    environment: Environment
    format: str
    text: str
    path: Path | None


def export(context: Context, request: ExportRequest) -> Exported:
    """Return an environment as text, written to a file if asked. Warns of what is left out. Raises EnvtoolError."""
    environment = target(context, request.name)
    if environment.was_interrupted:
        context.reporter.warn(tr("{prefix} is unfinished: exporting what is there now.", prefix=environment.prefix))
    contents = packages.read(environment)
    for warning in contents.warnings:
        context.reporter.warn(warning)
    form = _format(request)
    assert form.write is not None  # noqa: S101 - only formats that can be written are chosen from
    text = form.write(_Export(context, environment, contents))
    if request.output:
        _save(request.output, text)
    return Exported(environment, form.name, text, request.output)


def _format(request: ExportRequest) -> specs.Format:
    if not (request.format or request.output):
        return specs.default()
    formats = specs.writable()
    if request.format:
        return next(each for each in formats if each.name == request.format)
    announced = specs.announced_by(request.output, formats) if request.output else None
    return announced or formats[0]


def _save(path: Path, text: str) -> None:
    try:
        if is_special(path):  # such as /dev/stdout, or a pipe that somebody reads
            path.write_bytes(text.encode())
        else:
            write_atomically(path, text.encode())
    except OSError as error:
        raise EnvtoolError(tr("{path} could not be written: {reason}.", path=path, reason=error.strerror)) from error


class _Export:
    """An environment as the writers of formats see it: a :class:`envtool.specs.format.Exportable`."""

    def __init__(self, context: Context, environment: Environment, contents: Contents) -> None:
        self._context, self._environment, self._contents = context, environment, contents

    @property
    def subdir(self) -> str:
        platforms = [package.subdir for package in self._contents.conda if package.subdir not in ("", "noarch")]
        return next(iter(platforms), self._context.host.subdir)

    @cached_property
    def python(self) -> str:
        return packages.python_version(self._environment)

    @cached_property
    def spec(self) -> Spec:
        environment, contents, reporter = self._environment, self._contents, self._context.reporter
        pip = [package for package in contents.pip if package.name != "pip"]
        if environment.kind == "venv":
            pip = pip_export.without_tools(contents.pip, self.python)
            release = ".".join(self.python.split(".")[:2])
            half = [f"python={release}" if release else "python", "pip"]
        else:
            wheels = [_as_wheel(package, contents) for package in contents.conda if package.is_conda_wheel]
            pip += wheels
            half = [f"{package.name}={package.version}" for package in contents.conda if not package.is_conda_wheel]
            half += ["pip"] if pip and not any(package.name == "pip" for package in contents.conda) else []
        return Spec(
            name=environment.name if environment.name != "base" else "",
            channels=_channels(
                self._context, environment, [package for package in contents.conda if not package.is_conda_wheel]
            ),
            conda=tuple(half),
            pip=(*pip_export.index_lines(self._context, pip), *pip_export.requirement_lines(pip, reporter)),
            variables=_variables(environment, reporter),
        )

    @cached_property
    def requirements(self) -> tuple[str, ...]:
        contents, reporter = self._contents, self._context.reporter
        inside = [_as_on_the_index(package, contents.owners[package.name]) for package in contents.inside]
        both = pip_export.without_tools([*contents.pip, *inside], self.python)
        owners = {"python", *(package.name for package in contents.owners.values())}
        others = [p.name for p in sorted(contents.conda, key=lambda p: not p.requested) if p.name not in owners]
        if others:
            reporter.warn(
                tr(
                    "Left out, because they are not Python packages: {names}. Only {format} has them.",
                    names=_some(others),
                    format=specs.default().name,
                )
            )
        return (*pip_export.index_lines(self._context, both), *pip_export.requirement_lines(both, reporter))

    @property
    def packages(self) -> tuple[Package, ...]:
        both = (*self._contents.conda, *self._contents.pip)
        if nowhere := [package.name for package in self._contents.pip if package.origin]:
            self._context.reporter.warn(
                tr(
                    "Listed by version only, although they came from a folder or repository: {names}.",
                    names=_some(nowhere),
                )
            )
        return tuple(sorted(both, key=lambda package: (package.name, package.manager)))

    @cached_property
    def archives(self) -> tuple[Archive, ...]:
        prefix, reporter = self._environment.prefix, self._context.reporter
        if self._environment.kind == "venv":
            raise EnvtoolError(
                tr("{prefix} is a venv: it has no conda packages to list.", prefix=prefix),
                hint=tr("Use --format requirements."),
                code=ExitCode.USAGE,
            )
        ordered = list(in_link_order(self._contents.conda))
        if nowhere := [package.name for package in ordered if not package.url]:
            reporter.warn(tr("Left out, because no URL is recorded for them: {names}.", names=", ".join(nowhere)))
        if self._contents.pip:
            names = _some([package.name for package in self._contents.pip])
            reporter.warn(tr("Left out, because they are not conda packages: {names} from pip.", names=names))
        _warn_of_logins(self._context, self._environment, ordered)
        return tuple(Archive(package.url, package.md5, package.sha256) for package in ordered if package.url)


def _as_wheel(package: Package, contents: Contents) -> Package:
    """Return a wheel of the conda half as the pip package that it is, under the name that the index knows."""
    name = next((name for name, owner in contents.owners.items() if owner == package), package.name)
    return replace(package, name=name, manager="pip")


def _channels(context: Context, environment: Environment, half: Sequence[Package]) -> tuple[str, ...]:
    """Return the channels that packages came from: those given by hand first, then the configured ones in order."""
    for package in (package for package in half if package.channel and not is_from_channel(package)):
        context.reporter.warn(
            tr(
                "{name} was installed from {url}, which is in no channel: another one must have version {version}.",
                name=package.name,
                url=package.url,
                version=package.version,
            )
        )
    names = channel_names(context, environment, (package.channel for package in half if is_from_channel(package)))
    used = list(dict.fromkeys(names.values()))
    settings = context.conda_settings(environment.prefix)
    configured = [*channel_names(context, environment, settings.channels).values()]
    for name in used:
        if name.startswith("file:"):
            context.reporter.warn(tr("The channel {name} is a folder on this machine.", name=name))
    _warn_of_logins(context, environment, half)
    if unknown := [package.name for package in half if not package.channel]:
        context.reporter.warn(tr("No channel is recorded for {names}.", names=_some(unknown)))
    return (*(name for name in used if name not in configured), *(name for name in configured if name in used))


def _warn_of_logins(context: Context, environment: Environment, half: Sequence[Package]) -> None:
    """Warn of the channels that need a login: the export has their URLs without it."""
    private = (package.channel for package in half if package.private)
    for name in dict.fromkeys(channel_names(context, environment, private).values()):
        context.reporter.warn(
            tr(
                "The channel {name} needs a login or token, which is left out. Whoever uses the file has to add it.",
                name=name,
            )
        )


def _variables(environment: Environment, reporter: Reporter) -> dict[str, str]:
    stored = state_file.stored(environment.prefix)
    secret = [name for name, value in stored.items() if is_secret(name, value)]
    if secret:
        reporter.warn(tr("Variables that look like secrets are left out: {names}.", names=", ".join(secret)))
    inert = [name for name in stored if not is_variable_name(name) or set_by_activation(name)]
    if inert:
        reporter.warn(
            tr("Left out, because activation never sets them: the variables {names}.", names=", ".join(inert))
        )
    return {name: value for name, value in stored.items() if name not in (*secret, *inert)}


def _as_on_the_index(distribution: Package, owner: Package) -> Package:
    # conda-forge numbers its builds of torch: 2.1.0.post300 is its name for 2.1.0, which no index has.
    built = re.fullmatch(re.escape(owner.version) + r"\.post\d+", distribution.version)
    return replace(distribution, version=owner.version) if built else distribution


def in_link_order(half: Sequence[Package]) -> Iterator[Package]:
    """Yield conda packages, each after those it depends on, as far as there is such an order."""
    by_name = {package.name: package for package in half}
    seen: set[str] = set()

    def visit(name: str) -> Iterator[Package]:
        if name not in by_name or name in seen:
            return
        seen.add(name)
        for depend in by_name[name].depends:
            needed = match_spec.name(depend)
            # python depends on pip and pip on python; packages that run scripts when they are linked need python first.
            if (name, needed) != ("python", "pip"):
                yield from visit(needed)
        yield by_name[name]

    for name in sorted(by_name):
        yield from visit(name)


def _some(names: Sequence[str]) -> str:
    if len(names) <= _SHOWN:
        return ", ".join(names)
    return tr("{names} and {count} more", names=", ".join(names[:_SHOWN]), count=len(names) - _SHOWN)
