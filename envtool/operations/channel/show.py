"""``envtool channel list``: conda's channels in order, where each is read, and the line that names it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from envtool.clients import conda, settings_file
from envtool.clients.conda import channel_list
from envtool.clients.conda.settings import CondaSettings, expand_variables
from envtool.encoding import decode_with_form
from envtool.mirrors import url_matching
from envtool.operations.context import Context
from envtool.operations.steps.package_sources import DEFAULT_CHANNEL
from envtool.redaction import redact


@dataclass(frozen=True)
class Mention:
    """A place that names a channel: a file with its line (from 1), or a variable, which has no line."""

    place: str
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.place}:{self.line}" if self.line else self.place


@dataclass(frozen=True)
class ChannelUrl:
    """An address of a channel, without login; ``site`` names the mirror it belongs to, "" for none.

    ``status`` and ``detail`` say what it answered; both are "" where it was not asked.
    """

    url: str
    site: str = ""
    status: str = ""
    detail: str = ""


@dataclass(frozen=True)
class ChannelView:
    """One channel: its name as written, without login, its addresses under the settings in force, and its sources."""

    channel: str
    urls: tuple[ChannelUrl, ...]
    sources: tuple[Mention, ...] = ()


@dataclass(frozen=True)
class ChannelList:
    """The channels, highest priority first. ``configured`` is False where no setting names one."""

    channels: tuple[ChannelView, ...]
    configured: bool
    priority: str


def show(context: Context, prefix: Path | None = None, *, test: bool = False) -> ChannelList:
    """Return the channels of an environment, by default those of the active one, asking each address with ``test``.

    Raises EnvtoolError on a broken settings file.
    """
    settings = context.conda_settings(prefix)
    sites = url_matching.UrlMatcher(context.catalogue)
    named = dict(_sources(context, settings))
    addresses = {
        name: tuple(url for _, url in conda.channel_urls(settings, name))
        for name in settings.channels or (DEFAULT_CHANNEL,)
    }
    answers = _answers(context, settings, [url for urls in addresses.values() for url in urls]) if test else {}

    def described(url: str) -> ChannelUrl:
        match = sites.match(url)
        return ChannelUrl(redact(url), match.mirror if match else "", *answers.get(url, ()))

    views = (
        ChannelView(redact(name), tuple(map(described, urls)), tuple(named.get(name, ())))
        for name, urls in addresses.items()
    )
    return ChannelList(tuple(views), bool(settings.channels), settings.channel_priority)


def _sources(context: Context, settings: CondaSettings) -> Iterator[tuple[str, list[Mention]]]:
    """Yield each channel in the settings with the places that name it, highest precedence first."""
    places: dict[str, list[Mention]] = {name: [] for name in settings.channels}
    for origin in reversed(settings.origins.get("channels", ())):
        if not Path(origin).is_absolute():  # a variable
            for name in _in_variable(context, settings):
                places[name].append(Mention(origin))
            continue
        text = decode_with_form(settings_file.read(Path(origin)) or b"")[0]
        for entry in channel_list.entries(text, origin):
            name = expand_variables(entry.channel, context.host)
            if name in places:
                places[name].append(Mention(origin, entry.line))
    yield from places.items()


def _in_variable(context: Context, settings: CondaSettings) -> Iterator[str]:
    words = [word.strip() for word in context.host.environ.get("CONDA_CHANNELS", "").split(",")]
    return (name for name in settings.channels if name in words)


def _answers(context: Context, settings: CondaSettings, urls: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return status and detail of each channel. One platform that is served is enough: some have noarch only."""
    from envtool.mirrors import probe
    from envtool.mirrors.health_check import Question

    questions = [
        Question(url, "conda", f"{url.rstrip('/')}/{subdir}")
        for url in dict.fromkeys(urls)
        for subdir in (context.host.subdir, "noarch")
    ]
    found = probe.check_all(context.host, questions, settings={"conda": conda.http_settings(settings)})
    answers: dict[str, tuple[str, str]] = {}
    for result in probe.ranked(tuple(found)):
        answers.setdefault(result.mirror, (result.status, redact(result.detail)))
    return answers
