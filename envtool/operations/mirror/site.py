"""The site that a name or an address given to ``mirror set`` means: nothing is written that was not listed or asked."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from envtool.clients import client
from envtool.clients.protocol import COMMON, Endpoints, UrlMatch
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.mirrors import endpoints, probe, url_matching
from envtool.mirrors.catalogue import Catalogue, Mirror
from envtool.mirrors.health_check import Question
from envtool.mirrors.probe import MirrorHealth
from envtool.operations.context import Context
from envtool.operations.mirror import network
from envtool.paths import Host
from envtool.redaction import redact

_PARTS = ("pkgs/main", "pkgs/r", "pkgs/msys2")
_UNREACHABLE = ("down", "timeout", "proxy", "certificate")


@dataclass(frozen=True)
class Site:
    """A mirror as far as it was listed or has answered, notes on that, and whether only some clients are meant.

    ``purposes`` are the kinds of client that it was named for; empty for all.
    """

    endpoints: Endpoints
    notes: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()

    @classmethod
    def of_mirror(cls, catalogue: Catalogue, mirror: Mirror) -> "Site":
        """Return a mirror as the list has it."""
        return cls(endpoints.of_mirror(catalogue, mirror))

    def served(self, clients: Sequence[str]) -> tuple[str, ...]:
        """Return the clients that are meant. Raises EnvtoolError (USAGE) where none of them is."""
        found = tuple(name for name in clients if not self.purposes or client(name).tested_for in self.purposes)
        if not found:
            raise EnvtoolError(
                tr("{site} serves nothing for {clients}.", site=self.endpoints.mirror, clients=", ".join(clients)),
                hint=tr("It serves: {purposes}.", purposes=", ".join(self.purposes)),
                code=ExitCode.USAGE,
            )
        return found


def meant(context: Context, text: str) -> Site:
    """Return the site that a name, an alias or an address means.

    An address on a listed host means that mirror; any other is asked what it serves, and so is a mirror that nobody
    has verified. Raises EnvtoolError where it serves nothing, is retired, or is an index of PyTorch wheels.
    """
    known = context.catalogue
    match = url_matching.UrlMatcher(known).match(text) if "://" in text else None
    if "://" in text and match is None:
        return _unlisted(context, text)
    mirror = endpoints.mirror_meant(known, text)
    site = Site.of_mirror(known, mirror)
    if match:
        return _of_address(site, match, text)
    return _checked(context, site) if mirror.own or not mirror.offered else site


def chosen(context: Context, clients: Sequence[str]) -> Site:
    """Return the mirror that does best in a test for these clients, as far as it has what is to be written."""
    from envtool.operations.mirror.test import choose

    mirror = context.catalogue.named(choose(context, clients))
    site = Site.of_mirror(context.catalogue, mirror)
    return _checked(context, site) if any(client(name).tested_for == "conda" for name in clients) else site


def _of_address(site: Site, match: UrlMatch, url: str) -> Site:
    """Return what an address of a listed mirror means: all of it, or one service where the address is of one."""
    if match.service == "torch":
        raise _is_torch(url, match.mirror)
    if not match.alive:
        note = tr(
            "{url} is no address of {mirror}'s that is known: its listed ones are used.",
            url=redact(url),
            mirror=match.mirror,
        )
        return replace(site, notes=(note,))
    if match.service == "pypi":
        return replace(site, endpoints=replace(site.endpoints, parents={}, python=""), purposes=("pip",))
    if match.service == "conda":
        return replace(site, endpoints=replace(site.endpoints, index="", python=""), purposes=("conda",))
    return site


def _is_torch(url: str, mirror: str) -> EnvtoolError:
    return EnvtoolError(
        tr("{url} serves PyTorch wheels only: pip and conda would find nothing else there.", url=redact(url)),
        hint=tr("Use it for PyTorch: envtool mirror set {mirror} --torch", mirror=mirror),
        code=ExitCode.USAGE,
    )


# -- addresses in no list ---------------------------------------------------------------------------------------------
def _unlisted(context: Context, url: str) -> Site:
    """Return what an address in no list serves, by asking for what a client will ask for. Raises EnvtoolError."""
    endpoints.refuse_odd_url(url)
    base = url.rstrip("/")
    parents = _parents(base)
    questions = [] if url_matching.public_channel(base) else [Question(base, "pip", base)]
    if not base.endswith("/simple"):
        questions += _of_channels(context.host, base, parents)
        questions.append(Question(base, "torch", base))
    answers = _ask(context, questions)
    served = {(answer.purpose, answer.url) for answer in answers if answer.status in ("ok", "elsewhere")}
    found = {
        name: parent for name, parent in parents.items() if ("conda", _channel(context.host, name, parent)) in served
    }
    index = base if ("pip", base) in served else ""
    if not index and not found:
        raise _is_torch(url, redact(url)) if ("torch", base) in served else _nothing(url, answers)
    purposes = (*(("pip",) if index else ()), *(("conda",) if found else ()))
    name = url_matching.host_of(base) or base
    return Site(_endpoints(context.catalogue, name, index, found), purposes=purposes)


def _parents(base: str) -> dict[str, str]:
    """Return where channels may lie if an address is that of conda's part of a mirror, or of one channel."""
    if channel := url_matching.public_channel(base):
        return {channel: base.removesuffix(f"/{channel}")}
    return {"conda-forge": f"{base}/cloud", **dict.fromkeys(_PARTS, base)}


def _of_channels(host: Host, mirror: str, parents: dict[str, str]) -> list[Question]:
    return [Question(mirror, "conda", _channel(host, name, parent)) for name, parent in parents.items()]


def _channel(host: Host, name: str, parent: str) -> str:
    return f"{parent}/{name}/{host.subdir}"


def _ask(context: Context, questions: Sequence[Question]) -> list[MirrorHealth]:
    return list(probe.check_all(context.host, questions, settings=network.settings(context, strict=False)))


def _nothing(url: str, answers: Sequence[MirrorHealth]) -> EnvtoolError:
    if all(answer.status in _UNREACHABLE for answer in answers):
        return EnvtoolError(
            tr("{url} cannot be reached: {reason}. Nothing was written.", url=redact(url), reason=answers[0].detail),
            hint=tr("Check the address and the network. `envtool mirror add` keeps an address for later."),
            code=ExitCode.NETWORK,
        )
    return EnvtoolError(
        tr("{url} is neither a Python package index nor conda's channels. Nothing was written.", url=redact(url)),
        hint=tr(
            "An index ends in /simple as a rule; below conda's address are pkgs/ and cloud/. See: envtool mirror list"
        ),
        code=ExitCode.USAGE,
    )


def _endpoints(catalogue: Catalogue, name: str, index: str, parents: dict[str, str]) -> Endpoints:
    return Endpoints(name, index, parents, upstream=catalogue.conda, upstream_defaults=catalogue.defaults)


# -- mirrors that nobody verified -------------------------------------------------------------------------------------
def _checked(context: Context, site: Site) -> Site:
    """Return a site without the channels that it says it does not have."""
    written = {*COMMON, *_PARTS, *_channels_in_use(context)}
    parents = {name: parent for name, parent in site.endpoints.parents.items() if name in written}
    questions = _of_channels(context.host, site.endpoints.mirror, parents)
    return _without_missing(site, _ask(context, questions), context.host) if questions else site


def _channels_in_use(context: Context) -> tuple[str, ...]:
    try:
        return context.conda_settings().channels
    except EnvtoolError:  # the switch of conda's files says what is wrong
        return ()


def _without_missing(site: Site, answers: Collection[MirrorHealth], host: Host) -> Site:
    """Return a site without the channels that answers say it lacks. What could not be asked is said, and stays."""
    parents = dict(site.endpoints.parents)
    by_url = {answer.url: answer for answer in answers}
    notes: list[str] = []
    unknown: list[str] = []
    for name, parent in list(parents.items()):
        answer = by_url.get(_channel(host, name, parent))
        if answer and answer.status in _UNREACHABLE:
            unknown.append(name)
        elif answer and answer.status not in ("ok", "elsewhere"):
            del parents[name]
            if name.startswith("pkgs/"):
                continue  # the switch itself says what becomes of `defaults`
            notes.append(tr("{mirror} does not have {channel}: left out.", mirror=site.endpoints.mirror, channel=name))
    if unknown:
        text = tr(
            "{mirror} could not be reached to check {channels}.",
            mirror=site.endpoints.mirror,
            channels=", ".join(unknown),
        )
        notes.append(text)
    return replace(site, endpoints=replace(site.endpoints, parents=parents), notes=(*site.notes, *notes))
