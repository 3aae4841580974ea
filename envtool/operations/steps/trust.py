"""Trust in what a solution brings: the hosts that packages come from, and the scripts that they run."""

from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from envtool.engines import post_link
from envtool.engines.protocol import Engine, Solution
from envtool.errors import EnvtoolError
from envtool.i18n import tr
from envtool.model import Package, Sources
from envtool.redaction import redact
from envtool.reporter import Reporter
from envtool.specs import match_spec


def examine(engine: Engine, solution: Solution, prefix: Path | None, sources: Sources, reporter: Reporter) -> None:
    """Name the foreign hosts and the scripts of a solution. Raises EnvtoolError where a server names a local file."""
    if not solution.request.archives:  # their addresses are the user's own
        _examine_addresses(solution, sources, reporter)
    _name_unverifiable(solution, reporter)
    post_link.announce(engine.link_scripts(solution, prefix), reporter, run=engine.runs_scripts)


def note_unknown(engine: Engine, solution: Solution, prefix: Path | None, reporter: Reporter) -> None:
    """Note how many packages have to be fetched before it is known whether they run scripts."""
    if unknown := engine.link_scripts(solution, prefix).unknown:
        reporter.note(tr("Link scripts are unknown until the packages are fetched: {count} packages.", count=unknown))


def _examine_addresses(solution: Solution, sources: Sources, reporter: Reporter) -> None:
    """An index may say that its packages lie elsewhere (``base_url``, CEP 15)."""
    channels = [urlsplit(url) for channel in sources.channels for url in channel.urls]
    hosts = {channel.hostname for channel in channels}
    folders = [channel.path.rstrip("/") + "/" for channel in channels if channel.scheme == "file"]
    own = tuple(spec.partition("#")[0] for spec in solution.request.specs if match_spec.is_archive(spec))
    foreign: Counter[tuple[str, str]] = Counter()
    for package in solution.link:
        address = urlsplit(package.url)
        if any(address.path.rpartition("/")[2] in spec for spec in own):
            continue  # asked for by its address
        if address.scheme == "file" and not any(address.path.startswith(folder) for folder in folders):
            raise _local_file(package)
        if address.scheme in ("http", "https") and address.hostname not in hosts:
            foreign[package.channel, address.hostname or ""] += 1
    for (channel, host), count in foreign.items():
        reporter.warn(
            tr(
                "{channel} has {count} of these packages on another host: {host}.",
                channel=redact(channel),
                count=count,
                host=host,
            )
        )


def _name_unverifiable(solution: Solution, reporter: Reporter) -> None:
    """Warn of packages from servers of which neither an index nor a list gives a hash."""
    listed = [(archive.url, archive.md5 or archive.sha256) for archive in solution.request.archives]
    solved = [(package.url, package.md5 or package.sha256) for package in solution.link]
    remote = [url for url, digest in listed or solved if "://" in url and not digest and not url.startswith("file:")]
    if remote:
        files = ", ".join(redact(url).rpartition("/")[2] for url in remote)
        reporter.warn(tr("No hash is given for these downloads, so they cannot be verified: {files}.", files=files))


def _local_file(package: Package) -> EnvtoolError:
    return EnvtoolError(
        tr(
            "The index of {channel} names a file of this machine as the package {name}: {url}.",
            channel=redact(package.channel),
            name=package.name,
            url=redact(package.url),
        ),
        hint=tr("Do not use this channel: only a channel in a local folder may name local files."),
    )
