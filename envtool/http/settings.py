"""Settings by which a program reaches the network, and limits of a request."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class HttpSettings:
    """How a client program reaches the network, by its own configuration. May hold logins: never print it.

    ``proxies`` maps ``http``, ``https``, ``all``, or one of these with a host (``https://example.com``), to a proxy's
    URL, or to ``""`` for none; the most specific key wins. The environment's proxies (``HTTP_PROXY``, ...) count where
    ``uses_environment``, and then win over an equal key, as in requests. ``certificate`` is a file or folder of
    authorities that replaces the system's; ``client_key`` may be inside ``client_certificate``. ``trusted_hosts``
    (``host`` or ``host:port``) are not verified. ``timeout`` is in seconds, None: the caller's.
    """

    proxies: Mapping[str, str] = field(default_factory=dict)
    uses_environment: bool = True
    certificate: str = ""
    client_certificate: str = ""
    client_key: str = ""
    verify: bool = True
    trusted_hosts: tuple[str, ...] = ()
    timeout: float | None = None


@dataclass(frozen=True)
class Limits:
    """What a request may cost. ``connect``, ``stall`` (silence while it answers) and ``total`` are in seconds.

    ``total`` is checked between reads, so that a server that falls silent exceeds it by ``stall`` at most. ``size`` is
    that of the body in bytes.
    """

    connect: float = 15.0
    stall: float = 15.0
    total: float | None = None
    size: int = 1 << 26

    def within(self, seconds: float) -> "Limits":
        """Return limits of which none is longer than ``seconds``."""
        seconds = max(0.05, seconds)
        return replace(self, connect=min(self.connect, seconds), stall=min(self.stall, seconds), total=seconds)
