"""``envtool self update``: a newer envtool in the place of this one, in the way in which it was installed."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envtool import __version__
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.mirrors import endpoints
from envtool.operations.context import Context
from envtool.operations.installation import kinds, script
from envtool.operations.installation.kinds import Installation
from envtool.process import Command, capture
from envtool.redaction import redact


@dataclass(frozen=True)
class SelfUpdateRequest:
    """Where to update from.

    ``source`` is a checkout, a wheel, an sdist or a URL; "" is what envtool was installed from. ``index`` is the
    address of a package index or the name of a mirror, for what envtool needs; "" is the one in force.
    """

    source: str = ""
    index: str = ""


@dataclass(frozen=True)
class Updated:
    """An update that was made, or would be. ``command`` is what makes it; ``after`` is the new version, "" before."""

    installation: Installation
    source: str
    command: tuple[str, ...]
    after: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return what --json shows; logins in addresses are masked."""
        return {
            "kind": self.installation.kind,
            "prefix": str(self.installation.prefix),
            "source": redact(self.source),
            "command": [redact(word) for word in self.command],
            "before": __version__,
            "after": self.after or None,
            "dry_run": not self.after,
        }


def plan(context: Context, request: SelfUpdateRequest, prefix: Path | None = None) -> Updated:
    """Return what an update would do. Raises EnvtoolError where nobody noted what envtool was installed from."""
    installation = kinds.current(context.host, prefix)
    source = request.source or installation.source
    if not source:
        raise EnvtoolError(
            tr("envtool in {prefix} was not installed from a checkout, wheel or URL.", prefix=installation.prefix),
            hint=tr("Name the new one with --from."),  # the default index has another project of this name
            code=ExitCode.USAGE,
        )
    index = _index(context, request.index)
    if not installation.by_script:
        return Updated(installation, source, installation.update_command(request.source, index))
    python = ("--python", installation.python) if installation.python else ()
    link = () if kinds.link_of(context.host, installation) else ("--no-link",)
    arguments = ("--prefix", str(installation.prefix), "--from", source, *python, *link, "--yes")
    return Updated(installation, source, ("sh", str(kinds.SCRIPT), *arguments))


def update(context: Context, request: SelfUpdateRequest, prefix: Path | None = None) -> Updated:
    """Update envtool. Raises EnvtoolError; the version that was there still works then.

    What another program installed, that program updates: the error says how.
    """
    planned = plan(context, request, prefix)
    installation = planned.installation
    if not installation.by_script:
        raise _not_ours(installation.kind, shlex.join(planned.command))
    index = _index(context, request.index)
    variables = {"ENVTOOL_INSTALL_INDEX": index} if index else {}  # it may hold a login: no argument
    said = script.run(planned.command[2:], variables, context.reporter, tr("Updating envtool"))
    context.reporter.note(said)
    return Updated(installation, planned.source, planned.command, _version(installation.prefix))


def _index(context: Context, name_or_url: str) -> str:
    """Return the address of a package index that was named by address or mirror. Raises EnvtoolError (USAGE)."""
    if not name_or_url or "://" in name_or_url:
        return name_or_url
    mirror = endpoints.mirror_meant(context.catalogue, name_or_url)
    if mirror.pypi is None:
        raise EnvtoolError(
            tr("{name} is no mirror of the package index.", name=mirror.name),
            hint=tr("`envtool mirror list` shows what each mirror has."),
            code=ExitCode.USAGE,
        )
    return mirror.pypi.index


def _version(prefix: Path) -> str:
    """Return the version of the installed program. Raises EnvtoolError where it does not start."""
    done = capture(Command((str(prefix / "bin" / "envtool"), "--version")), timeout=60)
    return done.stdout.strip().removeprefix("envtool ")


def _not_ours(kind: str, command: str) -> EnvtoolError:
    if kind == "checkout":
        message = tr("This envtool runs from a checkout: what is checked out is what runs.")
    elif kind in ("pipx", "uv"):
        message = tr("This envtool was installed by {program}, which also updates it.", program=kind)
    else:
        message = tr("This envtool is installed beside other packages, which an update could change.")
    return EnvtoolError(message, hint=tr("Run: {command}", command=command))
