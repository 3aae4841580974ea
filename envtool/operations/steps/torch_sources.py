"""Sources of torch wheels: indexes, Pythons and engine to look with, and the error where no wheel is found."""

import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from envtool.clients import conda, pip
from envtool.engines import AUTO, venv
from envtool.engines.uv import uv_program
from envtool.errors import EnvtoolError, ExitCode
from envtool.gpu.builds import Candidate
from envtool.gpu.index_client import IndexClient
from envtool.gpu.search import Found, Search, WheelSource
from envtool.http.client import HttpClient
from envtool.http.settings import Limits
from envtool.i18n import tr
from envtool.index_page import local_path
from envtool.mirrors import fallbacks
from envtool.model import PipSources, Sources
from envtool.operations.context import Context
from envtool.operations.steps import engine_selection
from envtool.operations.steps.engine_selection import EngineChoice
from envtool.process import Command, capture
from envtool.redaction import redact

PYTHONS = ("3.12", "3.13", "3.11", "3.10", "3.14")  # those first for which most packages have wheels
_CHANNEL_PATIENCE = 8.0  # seconds, to see whether a channel answers


def sources(
    context: Context, where: PipSources, candidates: Iterable[Candidate], *, offline: bool
) -> tuple[WheelSource, ...]:
    """Return where to look: pip's own places first, then the official index of each build, then its mirrors."""
    found = [
        WheelSource("find-links", place, tr("find-links {place}", place=redact(place))) for place in where.find_links
    ]
    if not where.no_index:
        index = where.index or default_index()
        name = tr("index {url}", url=redact(where.index)) if where.index else tr("the default index")
        found += [WheelSource("index", index, name)] if index else []
        found += [WheelSource("index", url, tr("index {url}", url=redact(url))) for url in where.extra_indexes]
        builds = tuple(dict.fromkeys(candidate.build for candidate in candidates))
        found += _of_pytorch(context, builds)
    return tuple(source for source in found if not offline or local_path(source.url) is not None)


def indexes(context: Context, where: PipSources) -> IndexClient:
    """Return a client that reaches indexes and wheels as pip would."""
    return IndexClient(HttpClient(context.host, pip.http_settings(where)))


def _of_pytorch(context: Context, builds: Sequence[str]) -> list[WheelSource]:
    known = context.catalogue
    official = [
        WheelSource("index", f"{known.torch}/{build}", tr("the official wheel index"), build) for build in builds
    ]
    mirrors = [
        WheelSource(kind, url, tr("mirror {site}", site=urlsplit(url).hostname), build)
        for build in builds
        for kind, url in fallbacks.for_torch(known, build)
    ]
    return official + mirrors


def default_index() -> str:
    """Return the address of the index that is used where none is configured, as uv states it; ``""`` if unknown."""
    text = capture(Command((uv_program(), "help", "pip", "install")), timeout=60).stdout
    match = re.search(r"--default-index.*?by default: <(\S+)>", text, re.DOTALL)
    return match[1] if match else ""


def engine(context: Context, asked: str, sources: Sources) -> EngineChoice:
    """Return the engine to create the environment with: for ``auto``, one that can do so with the channels there are.

    Raises EnvtoolError as :func:`engine_selection.for_new`.
    """
    usual = engine_selection.for_new(context, asked)
    if asked != AUTO or not usual.engine.conda_half or sources.offline or _some_channel_answers(context, sources):
        return usual
    instead = engine_selection.without_channels(context)
    return EngineChoice(instead, tr("Engine: {engine}, since no conda channel can be read.", engine=instead.name))


def _some_channel_answers(context: Context, sources: Sources) -> bool:
    settings = conda.http_settings(context.conda_settings())
    limits = Limits(connect=_CHANNEL_PATIENCE, stall=_CHANNEL_PATIENCE)
    client = IndexClient(HttpClient(context.host, settings, limits=limits))  # a channel may be a folder, too
    urls = [url for channel in sources.channels for url in channel.urls]
    return any(client.exists(f"{url}/{context.host.subdir}/repodata.json") for url in urls)


def pythons(asked: str, *, own: bool) -> tuple[str, ...]:
    """Return the Pythons (``3.12``) to look for a wheel for, in order of preference.

    A conda engine can install any; ``own`` asks for envtool's own, around which a venv can be created.
    """
    if asked:
        return (_minor(asked),)
    return (_minor(venv.find_python("python")[1]),) if own else PYTHONS


def other_pythons(known: Sequence[str]) -> tuple[str, ...]:
    """Return the other Pythons on this machine around which a venv can be created. Takes a second or more."""
    return tuple(version for version in PYTHONS if version not in known and _is_here(version))


def _minor(version: str) -> str:
    match = re.match(r"^3\.\d+(?=$|\.\d)", version)
    if match is None:
        raise EnvtoolError(
            tr("{version} is not a Python version for which torch has wheels.", version=repr(version)),
            hint=tr("Write it like 3.12 or 3.12.4."),
            code=ExitCode.USAGE,
        )
    return match[0]


def _is_here(version: str) -> bool:
    try:
        return _minor(venv.find_python(f"python={version}")[1]) == version
    except EnvtoolError:
        return False


def outcomes(search: Search) -> str:
    """Return the outcome of each source that was tried, in order."""
    return "; ".join(
        tr("{source}: {outcome}", source=name, outcome=outcome) for name, outcome in search.outcomes.items()
    )


def nothing_found(search: Search, candidates: Sequence[Candidate], asked: Sequence[WheelSource]) -> EnvtoolError:
    """Return the error that lists the sources tried, and the alternatives."""
    if search.failed_proxies and search.failed_proxies.keys() >= search.outcomes.keys():
        return EnvtoolError(
            tr("No source of torch wheels was reached: {reason}.", reason=next(iter(search.failed_proxies.values()))),
            hint=tr("Start that proxy, or unset it, and try again."),
            code=ExitCode.NETWORK,
        )
    first = candidates[0]
    message = tr(
        "No torch wheel for {build} and Python {pythons} was found. Sources tried: {outcomes}.",
        build=first.build if len({candidate.build for candidate in candidates}) == 1 else tr("these GPUs"),
        pythons=", ".join(search.pythons),
        outcomes=outcomes(search),
    )
    hint = tr(
        "Check the connection, name another source with --find-links or --extra-index-url,"
        " or choose another --python or --torch."
    )
    releases = tuple(dict.fromkeys(candidate.torch for candidate in candidates))
    if first.build == "cpu" and (large := search.default_wheel(releases, asked)):
        hint = tr(
            "Check the connection, or add --allow-large to install torch {torch} with its CUDA libraries, which works"
            " on the CPU, too: {size} to download for torch alone, several GB with the libraries.",
            torch=large.candidate,
            size=size_words(search.indexes.size(large.wheel)),
        )
    return EnvtoolError(message, hint=hint, code=ExitCode.NETWORK)


def size_words(size: int | None) -> str:
    """Return a size in words: ``192 MB``; ``size`` in bytes, None where it is unknown."""
    return tr("{size:.0f} MB", size=size / 1e6) if size is not None else tr("unknown size")


def links(found: Found) -> tuple[str, ...]:
    """Return the find-links that an installer needs to see the wheel.

    The page of the project is passed, and not its index, so that nothing but torch comes from there: the PyTorch index
    has old copies of numpy and others.
    """
    return (found.source.page,) if found.source.build else ()
