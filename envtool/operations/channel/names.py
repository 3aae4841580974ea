"""Channels as people type them: refused where conda could not use them, and explained where they are public."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.mirrors import url_matching
from envtool.operations.context import Context
from envtool.redaction import redact

_SCHEMES = ("http", "https", "ftp", "s3", "file")


def checked(context: Context, name: str) -> str:
    """Return a channel as it is to be written. Raises EnvtoolError where it is no channel's name, URL or folder."""
    word = name.strip()
    if word == "nodefaults":
        raise _refused(
            tr("`nodefaults` has a meaning in environment.yml only."),
            tr("To stop using defaults: envtool channel remove defaults"),
        )
    if "::" in word and "://" not in word:
        channel = word.partition("::")[0]
        raise _refused(
            tr("{name} is a package of a channel.", name=redact(word)),
            tr("To add the channel: envtool channel add {channel}", channel=redact(channel)),
        )
    if not word or any(character.isspace() or character in ",[]<>=;'\"`" for character in word.partition("?")[0]):
        raise _refused(
            tr("{name} is not the name or address of a channel.", name=repr(redact(name))),
            tr("For example: conda-forge, or https://repo.example/channel"),
        )
    if word.startswith((".", "~", "/")):
        return _folder(word)
    if "://" in word or word.partition("/")[0].endswith(":"):
        _require_address(word)
        _require_channel(context, word)
    return word


def explanations(context: Context, name: str) -> Iterator[str]:
    """Yield what is known about a channel that somebody adds, a sentence each."""
    found = url_matching.UrlMatcher(context.catalogue).match(name) if "://" in name else None
    channel = found.channel if found else name
    if found and found.mirror:
        yield tr("{url} is {channel} on {mirror}.", url=redact(name), channel=channel, mirror=found.mirror)
        if not found.alive:
            yield tr("{mirror} is not known to serve {channel}.", mirror=found.mirror, channel=channel)
        else:
            yield tr(
                "To read every channel that {mirror} serves from there: envtool mirror set {mirror}",
                mirror=found.mirror,
            )
    if channel == "pkgs/free":
        yield tr("pkgs/free holds packages built before September 2017; none is added any more.")
    elif channel in ("pkgs/main", "pkgs/r"):
        yield tr("{channel} is a part of defaults.", channel=channel)
    elif channel.rpartition("/")[2] == "msys2" and context.host.system != "Windows":
        yield tr("{channel} holds packages for Windows only.", channel=channel)


def _require_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        complete = bool(parts.hostname) if parts.scheme in ("http", "https", "ftp", "s3") else bool(parts.path)
    except ValueError:  # such as a bracket that is not closed
        parts, complete = None, False
    if parts is None or not complete or parts.scheme not in _SCHEMES:
        raise _refused(
            tr("{url} is not an address that conda can read.", url=redact(url)),
            tr("For example: conda-forge, or https://repo.example/channel"),
        )


def _require_channel(context: Context, url: str) -> None:
    found = url_matching.UrlMatcher(context.catalogue).match(url)
    if found and found.service != "conda":
        raise _refused(
            tr("{url} holds no conda channel: it is an index of pip packages.", url=redact(url))
            if found.service == "pypi"
            else tr("{url} holds no conda channel.", url=redact(url)),
            tr("To use it as a mirror: envtool mirror set {url}", url=redact(url)),
        )
    if found and not found.channel:
        raise _refused(
            tr("{url} is the folder above all channels.", url=redact(url)),
            tr("Add the channel's name, for example: {url}/conda-forge", url=redact(url).rstrip("/")),
        )


def _folder(word: str) -> str:
    path = Path(word).expanduser().absolute()
    if not path.is_dir():
        raise _refused(tr("There is no folder {path}.", path=path), tr("A channel may be a name, a URL or a folder."))
    return str(path)


def _refused(message: str, hint: str) -> EnvtoolError:
    return EnvtoolError(message, hint=hint, code=ExitCode.USAGE)
