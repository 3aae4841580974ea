"""Logins: those of URLs, each for its origin only, and those of netrc, each for its host only."""

from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from envtool.files import read_file
from envtool.http.settings import PORTS
from envtool.paths import Host

_NETRC_LIMIT = 1 << 20  # bytes


class Logins:
    """What an account can log in with. A URL's login is remembered for the URL's scheme, host and port."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._by_origin: dict[tuple[str, str, int], tuple[str, str]] = {}
        self._netrc: dict[str, tuple[str, str]] | None = None

    def taken_from(self, url: str) -> str:
        """Return a URL without its login, which is remembered."""
        parts = urlsplit(url)
        if parts.username is not None:
            self._by_origin[_origin(url)] = unquote(parts.username), unquote(parts.password or "")
        return without_login(url)

    def header_for(self, url: str) -> dict[str, str]:
        """Return the header with the login for a URL, or no header."""
        import base64

        scheme, host, port = _origin(url)
        login = self._by_origin.get((scheme, host, port))
        if login is None and (scheme, port) == ("https", 443):
            login = self._by_origin.get(("http", host, 80))  # the same site, which now insists on TLS
        if login is None:
            if self._netrc is None:
                self._netrc = _read_netrc(self._host)
            login = self._netrc.get(host)
        if login is None:
            return {}
        return {"Authorization": "Basic " + base64.b64encode(":".join(login).encode()).decode()}


def without_login(url: str) -> str:
    """Return a URL without its login."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or PORTS[parts.scheme]


def _read_netrc(host: Host) -> dict[str, tuple[str, str]]:
    """Return host -> login and password of the account's netrc; a broken file holds none, as for pip.

    Its ``default`` entry is left out: it would go to every mirror that is asked.
    """
    import netrc

    named = host.environ.get("NETRC")
    for path in [named] if named else [str(host.home / ".netrc"), str(host.home / "_netrc")]:
        try:
            read_file(Path(path), limit=_NETRC_LIMIT)
            entries = netrc.netrc(path).hosts
        except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
            continue
        return {
            name.lower(): (entry[0], entry[2] or "")
            for name, entry in entries.items()
            if name != "default" and entry[0]
        }
    return {}
