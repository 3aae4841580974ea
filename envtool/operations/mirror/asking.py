"""Questions to sites: what an address in no list serves, and what a mirror that nobody has verified lacks."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from envtool.clients.protocol import COMMON, Endpoints
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.mirrors import endpoints, probe, url_matching
from envtool.mirrors.catalogue import Catalogue
from envtool.mirrors.health_check import Question
from envtool.mirrors.probe import MirrorHealth
from envtool.operations.context import Context
from envtool.operations.mirror import network
from envtool.operations.mirror.site import Site, is_torch
from envtool.paths import Host
from envtool.redaction import redact

_PARTS = ("pkgs/main", "pkgs/r", "pkgs/msys2")
_UNREACHABLE = ("down", "timeout", "proxy", "certificate")


def unlisted(context: Context, url: str) -> Site:
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
        raise is_torch(url, redact(url)) if ("torch", base) in served else _nothing(url, answers)
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
def checked(context: Context, site: Site) -> Site:
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
