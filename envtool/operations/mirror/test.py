"""``envtool mirror test``: test the mirrors in parallel, with the requests that the clients send."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from envtool.clients import client
from envtool.clients.conda.program import implicit_channels
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.mirrors import endpoints, probe
from envtool.mirrors.catalogue import Catalogue, Mirror
from envtool.mirrors.health_check import Purpose, Question
from envtool.mirrors.probe import MirrorHealth
from envtool.operations.context import Context
from envtool.operations.mirror import network
from envtool.paths import Host

UPSTREAM = "upstream"
PURPOSES: tuple[Purpose, ...] = ("conda", "pip", "torch")


@dataclass(frozen=True)
class Trial:
    """One test: the mirrors (names or URLs; none means all usable ones), for which purposes, and with which requests.

    ``torch`` is a build (``cu128``) or version and build (``2.13.0+cu128``); ``limit`` is in seconds for each mirror.
    """

    mirrors: tuple[str, ...] = ()
    purposes: tuple[Purpose, ...] = ("conda", "pip")
    channel: str = "conda-forge"
    subdir: str = ""
    torch: str = "cpu"
    limit: float = probe.LIMIT


def purposes(words: Sequence[str]) -> tuple[Purpose, ...]:
    """Return the purposes that words name, or conda and pip where none is. Raises EnvtoolError for any other word."""
    found = tuple(dict.fromkeys(purpose for word in words for purpose in PURPOSES if purpose == word))
    for word in words:
        if word not in PURPOSES:
            raise EnvtoolError(
                tr("There is nothing to test for {name}.", name=repr(word)),
                hint=tr("--for takes: {names}.", names=", ".join(PURPOSES)),
                code=ExitCode.USAGE,
            )
    return found or ("conda", "pip")


def choose(context: Context, clients: Sequence[str]) -> str:
    """Return the name of the mirror that is best for these clients, and report it. Raises EnvtoolError."""
    with context.reporter.bar(tr("Testing the mirrors")):
        results = run(context, trial(context, clients))
    name = working(results, purposes_of(clients))[0]
    tested = len({result.mirror for result in results})
    context.reporter.note(tr("{mirror} is the best of {count} mirrors tested.", mirror=name, count=tested))
    return name


def trial(context: Context, clients: Sequence[str]) -> Trial:
    """Return the test that shows to which mirrors these clients can be switched."""
    return Trial(purposes=purposes_of(clients), channel=_channel_in_use(context))


def _channel_in_use(context: Context) -> str:
    """Return the channel that a mirror is to be asked for: conda-forge, or `defaults` where only that is in use."""
    try:
        channels = context.conda_settings().channels or implicit_channels(context.root)
    except EnvtoolError:  # conda's own switch says what is wrong
        channels = ()
    return "defaults" if "defaults" in channels and "conda-forge" not in channels else "conda-forge"


def purposes_of(clients: Sequence[str]) -> tuple[Purpose, ...]:
    """Return the purposes for which a mirror has to work so that the clients can be switched to it."""
    needed = {client(name).tested_for for name in clients}
    return tuple(purpose for purpose in PURPOSES if purpose in needed)


def run(
    context: Context, trial: Trial, seen: Callable[[MirrorHealth], None] = lambda _: None
) -> tuple[MirrorHealth, ...]:
    """Return the results, best first; ``seen`` gets each as it arrives. Raises EnvtoolError on an unknown mirror."""
    host, known = context.host, context.catalogue
    sites = [_find(known, name) for name in trial.mirrors] or [m for m in known.mirrors.values() if m.offered]
    questions = [q for site in sites for purpose in trial.purposes for q in _questions(host, trial, site, purpose)]
    if not trial.mirrors:
        questions += _upstream(host, known, trial)  # to see how far behind the others are
    if not questions:
        raise EnvtoolError(
            tr("None of these mirrors is known to serve that."),
            hint=tr("`envtool mirror list` shows what each serves."),
            code=ExitCode.USAGE,
        )
    results = []
    together = _Together(questions)
    for part in probe.check_all(host, questions, limit=trial.limit, settings=network.settings(context)):
        if result := together.add(part):
            results.append(result)
            seen(result)
    return probe.ranked(results)


def working(results: Sequence[MirrorHealth], purposes: Sequence[Purpose]) -> tuple[str, ...]:
    """Return the mirrors that work for all purposes, best first.

    Raises EnvtoolError (NETWORK) where there are none.
    """
    places: dict[str, list[int]] = {}
    for purpose in purposes:
        usable = [r for r in results if r.purpose == purpose and r.status == "ok" and not r.stale]
        usable = [r for r in usable if r.mirror != UPSTREAM]
        for position, result in enumerate(usable):
            places.setdefault(result.mirror, []).append(position)
    complete = {name: max(found) for name, found in places.items() if len(found) == len(purposes)}
    if not complete:
        raise EnvtoolError(
            tr("No reachable mirror serves everything that was asked for."),
            hint=tr("Check the network connection; `envtool mirror test` shows what each mirror answered."),
            code=ExitCode.NETWORK,
        )
    return tuple(sorted(complete, key=lambda name: (complete[name], sum(places[name]))))


def _find(known: Catalogue, name: str) -> Mirror:
    return known.named(name) if "://" not in name else endpoints.mirror_meant(known, name)


def _questions(host: Host, trial: Trial, site: Mirror, purpose: Purpose) -> list[Question]:
    if purpose == "pip" and site.pypi:
        return [Question(site.name, "pip", site.pypi.index, status=site.status)]
    if purpose == "torch" and site.torch:
        version, _, build = trial.torch.rpartition("+")
        flat = site.torch.how == "find-links"
        wheel = trial.torch if version else ""
        return [Question(site.name, "torch", f"{site.torch.base}/{build}", flat, wheel)]
    if purpose != "conda" or not site.conda:
        return []
    urls = [url for channel in _channels(host, trial.channel) if (url := site.conda.url(channel))]
    return [
        Question(site.name, "conda", f"{url}/{trial.subdir or host.subdir}", status="" if number else site.status)
        for number, url in enumerate(urls)
    ]


def _channels(host: Host, name: str) -> tuple[str, ...]:
    """Return the channels that a name stands for: `defaults` for all that conda asks for."""
    parts = ("pkgs/main", "pkgs/r", "pkgs/msys2") if host.system == "Windows" else ("pkgs/main", "pkgs/r")
    return parts if name == "defaults" else (name,)


def _upstream(host: Host, known: Catalogue, trial: Trial) -> list[Question]:
    base = f"{known.defaults}/main" if trial.channel == "defaults" else f"{known.conda}/{trial.channel}"
    found = [Question(UPSTREAM, "conda", f"{base}/{trial.subdir or host.subdir}", relays=True)]
    version, _, build = trial.torch.rpartition("+")
    found.append(
        Question(UPSTREAM, "torch", f"{known.torch}/{build}", wheel=trial.torch if version else "", relays=True)
    )
    return [question for question in found if question.purpose in trial.purposes]


class _Together:
    """Results that come one by one, put together: a mirror serves `defaults` if it serves every part of it."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self._expected = Counter((question.mirror, question.purpose) for question in questions)
        self._found: dict[tuple[str, Purpose], list[MirrorHealth]] = {}

    def add(self, result: MirrorHealth) -> MirrorHealth | None:
        """Return the result for a mirror and purpose once its last part is there: the worst of them."""
        key = (result.mirror, result.purpose)
        parts = self._found.setdefault(key, [])
        parts.append(result)
        return probe.ranked(parts)[-1] if len(parts) == self._expected[key] else None
