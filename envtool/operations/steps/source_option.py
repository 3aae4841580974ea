"""The value of ``-i``: a mirror for both halves, a channel for the conda half, or an index for the pip half."""

from dataclasses import dataclass, replace
from pathlib import Path

from envtool.clients import conda
from envtool.errors import EnvtoolError, ExitCode
from envtool.http.client import HttpClient
from envtool.http.errors import RequestError
from envtool.http.settings import Limits
from envtool.i18n import tr
from envtool.mirrors import endpoints
from envtool.mirrors.catalogue import Mirror
from envtool.mirrors.url_matching import UrlMatcher
from envtool.model import Spec
from envtool.operations.context import Context
from envtool.redaction import redact
from envtool.specs import match_spec

_PATIENCE = 10.0  # seconds for each question to an address that nobody knows


@dataclass(frozen=True)
class NamedSource:
    """A source for one run. Of the three, one is set; ``""`` and None for nothing."""

    mirror: Mirror | None = None
    channel: str = ""
    index: str = ""


def understood(context: Context, text: str, *, offline: bool = False) -> NamedSource:
    """Return what a name or an address given with -i is. An address that nobody knows is asked for a channel's data.

    Raises EnvtoolError (USAGE) where it is none of the three.
    """
    if "://" not in text:
        return (
            _folder(Path(text)) if Path(text).is_dir() else NamedSource(endpoints.mirror_meant(context.catalogue, text))
        )
    known = UrlMatcher(context.catalogue).match(text)
    if known is None:
        return NamedSource(channel=text) if not offline and _is_channel(context, text) else NamedSource(index=text)
    if not known.alive or known.service not in ("conda", "pypi", "torch"):
        raise _neither(text)
    if known.service != "conda":
        return NamedSource(index=text)
    if known.channel not in ("", "pkgs"):
        return NamedSource(channel=text)
    if not known.mirror:
        raise _neither(text)
    return NamedSource(replace(context.catalogue.named(known.mirror), pypi=None))  # the address of its channels alone


def require_use(context: Context, text: str, source: NamedSource, asked: Spec) -> None:
    """Raise EnvtoolError (USAGE) where a source has nothing to serve: no package that was asked for is of its kind.

    Warns where nothing but Python is asked for.
    """
    named = [item for item in asked.conda if match_spec.name(item) not in ("python", "pip")]
    mirror = source.mirror
    for_pip = bool(source.index or (mirror and mirror.pypi))
    for_conda = bool(source.channel or (mirror and mirror.conda))
    if named and not asked.pip and not for_conda:
        raise EnvtoolError(
            tr("{source} serves pip packages, and only conda packages are asked for.", source=redact(text)),
            hint=tr(
                "For pip packages: {options}", options=" ".join(f"--pip {match_spec.name(item)}" for item in named)
            ),
            code=ExitCode.USAGE,
        )
    if asked.conda and not (named or asked.pip or for_conda):
        context.reporter.warn(tr("{source} is not used: no pip packages are asked for.", source=redact(text)))
    if asked.pip and not asked.conda and not for_pip:
        raise EnvtoolError(
            tr("{source} serves conda packages, and only pip packages are asked for.", source=redact(text)),
            hint=tr("Name an index of pip packages, or leave -i out."),
            code=ExitCode.USAGE,
        )


def _folder(path: Path) -> NamedSource:
    if (path / "noarch" / "repodata.json").is_file():
        return NamedSource(channel=path.absolute().as_uri())
    return NamedSource(index=path.absolute().as_uri())


def _is_channel(context: Context, url: str) -> bool:
    """Return whether an address holds a channel's data."""
    if url.rstrip("/").endswith("/simple"):
        return False
    client = HttpClient(context.host, conda.http_settings(context.conda_settings()))
    for subdir in ("noarch", context.host.subdir):
        try:
            limits = Limits().within(_PATIENCE)
            answer = client.sample(f"{url.rstrip('/')}/{subdir}/repodata.json", 64, limits=limits)
        except RequestError:
            continue
        if answer.body.lstrip().startswith(b"{"):
            return True
    return False


def _neither(text: str) -> EnvtoolError:
    return EnvtoolError(
        tr("{url} is neither a conda channel nor an index of pip packages.", url=redact(text)),
        hint=tr("-i takes a mirror's name (`envtool mirror list`), a channel's address, or an index."),
        code=ExitCode.USAGE,
    )
