"""Helper of ``install.sh``: the parts of an installation that a shell cannot do, before envtool's dependencies exist.

It is run as a script, by any Python 3.10 or newer, with the standard library and the parts of envtool that need nothing
else. Each command prints its answer to standard output, for the shell to read.
"""

import ast
import hashlib
import json
import os
import queue
import re
import signal
import site
import ssl
import sys
import sysconfig
import threading
import time
import urllib.error
import urllib.request
import zipfile
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from http.client import HTTPException
from io import BytesIO
from netrc import NetrcParseError, netrc
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

if __name__ == "__main__":  # as a script; what is imported above is the standard library's already
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from envtool import index_page
from envtool.errors import ExitCode
from envtool.i18n import tr
from envtool.redaction import redact

DEFAULT_LIMIT = 4.0  # seconds within which the default index must answer
MIRROR_LIMIT = 6.0  # seconds for all mirrors together
NAMED_LIMIT = 15.0  # seconds for an index that the user named: slow is better than none
WHEEL_LIMIT = 120.0  # seconds for the wheel of pip, 2 MB
SIZE = 32 << 20  # bytes: more than any project page and any wheel of pip
USABLE = ("active", "partial", "uncertain")  # states of a mirror that is worth asking

_PIP_WHEEL = re.compile(r"pip-(\d+(?:\.\d+)*)-py3-none-any\.whl")


class InstallError(Exception):
    """A failure to tell the user about; ``code`` is the exit code."""

    def __init__(self, message: str, code: ExitCode) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class IndexMirror:
    """A mirror of the default index: its name, its state, its address, and other addresses of it."""

    name: str
    state: str
    index: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """What pip is configured to do. ``index`` is "" where nothing is configured; it may hold a login."""

    index: str = ""
    no_index: bool = False
    proxy: str = ""
    certificate: str = ""
    trusted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Choice:
    """The index to use, "" for none; why it is a mirror's, where it is; whether pip must be told."""

    index: str = ""
    why: str = ""
    is_told: bool = True


@dataclass(frozen=True)
class Page:
    """An answer: its status, where it came from after redirects, what it is, and its body."""

    status: int
    url: str
    content_type: str
    body: bytes = field(repr=False)


def index_mirrors(catalogue: str) -> tuple[IndexMirror, ...]:
    """Return the mirrors of the default index in ``mirrors.yaml``, read line by line: PyYAML is not there yet.

    It relies on the layout of that file, two spaces for each level, which a test holds.
    """
    found = []
    for entry in re.finditer(r"^  ([\w-]+):\n((?:    .*\n|\n)*)", catalogue, re.MULTILINE):
        state = re.search(r"^    state: (\S+)", entry[2], re.MULTILINE)
        if pypi := re.search(r"^    pypi:\n((?:      .*\n)*)", entry[2], re.MULTILINE):
            parts = dict(re.findall(r"^      (\w+):(.*\n(?:        .*\n)*)", pypi[1], re.MULTILINE))
            addresses = {key: re.findall(r"(\S+://\S+?)/?$", value, re.MULTILINE) for key, value in parts.items()}
            usable = addresses["index"][0], tuple(addresses.get("also", ()))
            found.append(IndexMirror(entry[1], state[1] if state else "active", *usable))
    return tuple(found)


def pip_settings(listing: str) -> Settings:
    """Return what ``pip config list`` says; a variable counts more than a file, [install] more than [global]."""
    values: dict[str, str] = {}
    for prefix in ("global.", "install.", ":env:."):
        for line in listing.splitlines():
            name, _, value = line.partition("=")
            if name.startswith(prefix):
                try:
                    values[name.removeprefix(prefix)] = str(ast.literal_eval(value))
                except (ValueError, SyntaxError):
                    continue
    return Settings(
        index=values.get("index-url", ""),
        no_index=values.get("no-index", "").lower() in ("1", "true", "yes", "on"),
        proxy=values.get("proxy", ""),
        certificate=values.get("cert", ""),
        trusted=tuple(values.get("trusted-host", "").split()),
    )


def pip_default(help_text: str) -> str:
    """Return the default index that ``pip install --help`` names, or "" where it names none."""
    match = re.search(r"--index-url <url>.*?\(default:? (https?://[^\s)]+)\)", help_text)
    return match[1] if match else ""


class Web:
    """GET requests as pip would make them here: its proxy, certificates and User-Agent."""

    def __init__(self, settings: Settings, pip: Path) -> None:
        self._settings, self._agent = settings, _agent(pip)
        self._strict = _trust(settings.certificate, pip)
        self._lax = ssl.create_default_context()
        self._lax.check_hostname, self._lax.verify_mode = False, ssl.CERT_NONE

    def get(self, url: str, limit: float) -> Page:
        """Return the answer, whatever its status. Raises OSError where nobody answers within ``limit`` seconds."""
        deadline = time.monotonic() + limit
        address, login = split_login(url)
        parts = urlsplit(address)
        request = urllib.request.Request(address, headers={"User-Agent": self._agent, "Accept": index_page.ACCEPT})  # noqa: S310 - http or https
        if login := login or _netrc_login(parts.hostname or ""):
            pair = b64encode(":".join(login).encode()).decode()
            request.add_unredirected_header("Authorization", f"Basic {pair}")
        is_trusted = {parts.hostname, parts.netloc} & set(self._settings.trusted)
        proxies = {"http": self._settings.proxy, "https": self._settings.proxy} if self._settings.proxy else None
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler(proxies),
            urllib.request.HTTPSHandler(context=self._lax if is_trusted else self._strict),
        )
        try:
            try:
                answer = opener.open(request, timeout=limit)
            except urllib.error.HTTPError as error:
                answer = error  # a status is an answer, too
            with answer:
                body = b""
                while chunk := answer.read1(1 << 16):
                    body += chunk
                    if len(body) > SIZE:
                        raise OSError(tr("the server sends more than {size} MiB", size=SIZE >> 20))
                    if time.monotonic() > deadline:
                        raise TimeoutError(tr("no complete answer within {limit:g} s", limit=limit))
                return Page(answer.status or 0, answer.url, answer.headers.get("Content-Type", ""), body)
        except urllib.error.URLError as error:
            raise OSError(getattr(error.reason, "strerror", "") or str(error.reason)) from None
        except HTTPException as error:
            raise OSError(f"{type(error).__name__} {error}") from None


def split_login(url: str) -> tuple[str, tuple[str, str] | None]:
    """Return a URL without the login in it, and the login."""
    parts = urlsplit(url)
    login, _, host = parts.netloc.rpartition("@")
    if not login:
        return url, None
    user, _, password = login.partition(":")
    return urlunsplit(parts._replace(netloc=host)), (unquote(user), unquote(password))


def write_netrc(path: Path, host: str, login: tuple[str, str]) -> None:
    """Write a netrc file with the user's own entries and one more, readable by the user alone.

    pip hands the URL of its index to programs that it starts; a login in a file stays out of the process list.
    Raises InstallError where netrc cannot hold the login.
    """
    own = Path(os.environ.get("NETRC") or Path("~/.netrc").expanduser())
    text = ""
    try:
        netrc(str(own))
        text = own.read_text("utf-8") + "\n"
    except (OSError, UnicodeDecodeError, NetrcParseError):
        pass  # pip could not read it either
    # From 3.11 on the parser knows escapes; before, a word ends at white space only.
    words = [re.sub(r"([\\\"' ])", r"\\\1", word) if sys.version_info >= (3, 11) else word for word in login]
    path.touch(mode=0o600)
    path.write_text(f"{text}machine {host} login {words[0]} password {words[1]}\n", "utf-8")
    try:
        held = netrc(str(path)).authenticators(host)
    except NetrcParseError:
        held = None
    if held is None or (held[0], held[2]) != login:
        raise InstallError(
            tr("The login of the index has characters that netrc cannot hold on this Python."), ExitCode.USAGE
        )


def choose_index(
    named: str, settings: Settings, default: str | None, mirrors: Sequence[IndexMirror], web: Web
) -> Choice:
    """Return the index to install from: the one named, the configured or default one, or the fastest of its mirrors.

    ``default`` is None where there is no pip that knows it, and "" where it does not say. Raises InstallError (NETWORK)
    where none answers. A private index is never replaced.
    """
    if named:
        _require(web, named)
        return Choice(named)
    if settings.no_index or (default == "" and not settings.index):
        return Choice(is_told=False)
    hosts = {_host(url) for mirror in mirrors for url in (mirror.index, *mirror.also)}
    if settings.index and _host(settings.index) not in hosts:
        _require(web, settings.index)
        return Choice(settings.index, is_told=bool(split_login(settings.index)[1]))
    index = settings.index or default
    if index and first_to_serve(web, [index], DEFAULT_LIMIT):
        return Choice(index, is_told=False)
    usable = {mirror.index: mirror.name for mirror in mirrors if mirror.state in USABLE and mirror.index != index}
    found = first_to_serve(web, list(usable), MIRROR_LIMIT)
    if found:
        return Choice(found, _why(settings, default, usable[found], found))
    if settings.index:
        message = tr("Neither {index} nor any other mirror answers.", index=redact(settings.index))
    elif default:
        message = tr("Neither the default index nor any of its mirrors answers.")
    else:
        message = tr("No mirror answers, and there is no pip that knows the default index.")
    raise InstallError(message, ExitCode.NETWORK)


def _why(settings: Settings, default: str | None, mirror: str, url: str) -> str:
    if settings.index:
        return tr(
            "{index} does not answer. Using the mirror {mirror} for this installation: {url}",
            index=redact(settings.index),
            mirror=mirror,
            url=url,
        )
    if default:
        return tr(
            "The default index does not answer. Using the mirror {mirror} for this installation: {url}",
            mirror=mirror,
            url=url,
        )
    return tr("No pip is here to name the default index. Asking the mirror {mirror}: {url}", mirror=mirror, url=url)


def first_to_serve(web: Web, indexes: Sequence[str], limit: float) -> str:
    """Return the index whose page of pip arrives first, all being asked at once, or "" where none comes in time.

    The login page of a network, which answers everything, is no page of pip.
    """
    found: queue.Queue[str] = queue.Queue()
    deadline = time.monotonic() + limit

    def ask(index: str) -> None:
        try:
            page = web.get(f"{index.rstrip('/')}/pip/", limit)
            found.put(index if page.status == 200 and _pip_wheels(page) else "")
        except (OSError, ValueError):
            found.put("")

    for index in indexes:
        # daemon threads: a name server that hangs cannot be interrupted, and must not keep the script from ending
        threading.Thread(target=ask, args=(index,), daemon=True).start()
    for _ in indexes:
        try:
            if winner := found.get(timeout=max(0.01, deadline - time.monotonic())):
                return winner
        except queue.Empty:
            break
    return ""


def _require(web: Web, index: str) -> None:
    """Raise InstallError where an index that the user named does not answer. What it has is for pip to find out."""
    parts = urlsplit(index)
    if parts.scheme == "file":
        if not Path(unquote(parts.path)).is_dir():
            raise InstallError(tr("{index} is not a folder.", index=redact(index)), ExitCode.NETWORK)
        return
    try:
        page = web.get(f"{index.rstrip('/')}/pip/", NAMED_LIMIT)
    except (OSError, ValueError) as error:
        message = tr("The index {index} does not answer: {reason}.", index=redact(index), reason=redact(str(error)))
        raise InstallError(message, ExitCode.NETWORK) from None
    if page.status >= 500:
        message = tr("The index {index} answers HTTP {status}.", index=redact(index), status=page.status)
        raise InstallError(message, ExitCode.NETWORK)


def bundled_pip() -> Path | None:
    """Return the newest wheel of pip that this Python, its distribution or its virtualenv brings, or None."""
    folders = [
        Path(sysconfig.get_path("stdlib"), "ensurepip", "_bundled"),
        *map(Path, filter(None, [sysconfig.get_config_var("WHEEL_PKG_DIR")])),  # Fedora's
        *(Path(place, "virtualenv/seed/wheels/embed") for place in (*sys.path, site.getusersitepackages())),
    ]
    wheels = [wheel for folder in folders for wheel in folder.glob("pip-*.whl") if _PIP_WHEEL.fullmatch(wheel.name)]
    return max(wheels, key=lambda wheel: _version(wheel.name), default=None)


def fetch_pip(index: str, web: Web) -> tuple[str, bytes]:
    """Return the file name and bytes of the newest pip on an index, checked against the hash that the index gives.

    Raises InstallError (NETWORK) where it cannot be had.
    """
    try:
        page = web.get(f"{index.rstrip('/')}/pip/", NAMED_LIMIT)
        if not (found := _pip_wheels(page)):
            raise OSError(tr("the index lists no pip (HTTP {status})", status=page.status))
        file = max(found, key=lambda file: _version(file.filename))
        wheel = web.get(file.url, WHEEL_LIMIT)
        if wheel.status != 200:
            raise OSError(tr("HTTP {status} for {file}", status=wheel.status, file=file.filename))
        if file.hashes.get("sha256", digest := hashlib.sha256(wheel.body).hexdigest()) != digest:
            raise OSError(tr("{file} does not have the hash that the index gives", file=file.filename))
    except (OSError, ValueError) as error:
        message = tr("pip could not be fetched from {index}: {reason}.", index=redact(index), reason=redact(str(error)))
        raise InstallError(message, ExitCode.NETWORK) from None
    return file.filename, wheel.body


def _pip_wheels(page: Page) -> list[index_page.File]:
    """Return the final releases of pip on a page that run on this Python. Raises ValueError where it is no page."""
    return [
        file
        for file in index_page.parse(page.body.decode("utf-8", "replace"), page.content_type, page.url)
        if _PIP_WHEEL.fullmatch(file.filename) and not file.is_yanked and _runs_here(file.requires_python)
    ]


def _runs_here(requires_python: str) -> bool:
    least = re.search(r">=\s*3\.(\d+)", requires_python)
    return least is None or sys.version_info >= (3, int(least[1]))


def unpack(wheel: Path | BytesIO, folder: Path) -> None:
    """Unpack a wheel of pip: unlike one that is still zipped, it can start the copies of itself that build packages."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)


def record(path: Path, entries: Mapping[str, str]) -> None:
    """Write what was installed, from where and by which Python, for ``envtool`` and the next run of the script."""
    moment = datetime.now(timezone.utc).isoformat(timespec="seconds")
    data = {"schema": 1, **{name: value or None for name, value in entries.items()}, "installed": moment}
    path.write_text(json.dumps(data, indent=2) + "\n", "utf-8")


def _version(name: str) -> tuple[int, ...]:
    match = _PIP_WHEEL.fullmatch(name)
    return tuple(map(int, match[1].split("."))) if match else ()


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").lower()


def _netrc_login(host: str) -> tuple[str, str] | None:
    try:
        found = netrc(os.environ.get("NETRC")).hosts.get(host)  # not its default, which would go to every mirror
    except (OSError, NetrcParseError):
        return None
    return (found[0], found[2] or "") if found else None


def _trust(certificate: str, pip: Path) -> ssl.SSLContext:
    """Return what certificates are checked against: what pip is told to trust, else the system's and pip's bundles."""
    named = certificate or os.environ.get("REQUESTS_CA_BUNDLE", "") or os.environ.get("CURL_CA_BUNDLE", "")
    if named and Path(named).is_dir():
        return ssl.create_default_context(capath=named)
    if named and Path(named).is_file():
        return ssl.create_default_context(cafile=named)
    context = ssl.create_default_context()
    # A Python that was built elsewhere looks for the system's certificates in the wrong place.
    system = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
    for bundle in (*map(Path, system), pip / "pip/_vendor/certifi/cacert.pem"):
        if bundle.is_file():
            context.load_verify_locations(bundle)
    return context


def _agent(pip: Path) -> str:
    """Return what pip calls itself: some mirrors refuse some clients by that."""
    sys.path.insert(0, str(pip))
    try:
        from pip._internal.network.session import user_agent
    except ImportError:
        return "pip"
    return user_agent()


def _settings(work: Path) -> tuple[Settings, str | None]:
    """Return how pip is configured, and its default index; without a pip to ask, what the variables say, and None."""
    listing, help_text = work / "pip-config", work / "pip-help"
    if listing.exists():
        said = listing.read_text("utf-8")
    else:
        variables = {
            name.lower().removeprefix("pip_"): value for name, value in os.environ.items() if name[:4] == "PIP_"
        }
        said = "\n".join(f":env:.{name.replace('_', '-')}={value!r}" for name, value in variables.items())
    return pip_settings(said), pip_default(help_text.read_text("utf-8")) if help_text.exists() else None


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _index(work: Path) -> None:
    """Print the index without its login, why it is a mirror's, and ``told`` where pip must be told; a line each."""
    settings, default = _settings(work)
    web = Web(settings, work / "pip")
    named = os.environ.get("ENVTOOL_INSTALL_INDEX", "")
    choice = choose_index(named, settings, default, index_mirrors(_catalogue()), web)
    index, login = split_login(choice.index)
    if login:
        write_netrc(work / "netrc", _host(index), login)
    _say("\n".join((index, choice.why, "told" if choice.is_told else "")))


def _catalogue() -> str:
    here = Path(__file__).resolve().parent
    beside = here / "mirrors/mirrors.yaml"  # in an installed package
    path = beside if beside.exists() else here.parent / "mirrors.yaml"
    return path.read_text("utf-8") if path.exists() else ""


def _bundled_pip(work: Path) -> None:
    """Unpack the pip that this Python brings and print its version; print nothing where it brings none."""
    if wheel := bundled_pip():
        unpack(wheel, work / "pip")
        _say(_number(wheel.name))


def _fetch_pip(work: Path, index: str) -> None:
    name, data = fetch_pip(index, Web(_settings(work)[0], work / "pip"))
    unpack(BytesIO(data), work / "pip")
    _say(_number(name))


def _number(name: str) -> str:
    return ".".join(map(str, _version(name)))


def _recorded(path: Path, name: str) -> None:
    _say(json.loads(path.read_text("utf-8")).get(name) or "")


def main(command: str, *arguments: str) -> None:
    """Carry out one command of ``install.sh``; its exit code is one of envtool's."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the shell says that it was interrupted
    try:
        if command == "index":
            _index(Path(arguments[0]))
        elif command == "bundled-pip":
            _bundled_pip(Path(arguments[0]))
        elif command == "fetch-pip":
            _fetch_pip(Path(arguments[0]), arguments[1])
        elif command == "record":
            record(Path(arguments[0]), dict(entry.split("=", 1) for entry in arguments[1:]))
        elif command == "recorded":
            _recorded(Path(arguments[0]), arguments[1])
        elif command == "redact":
            sys.stdout.writelines(map(redact, sys.stdin))
    except InstallError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.code)


if __name__ == "__main__":
    main(*sys.argv[1:])
