"""Asking the worker process: it is started when first needed, and stopped after every error."""

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from envtool import __version__
from envtool.clients.conda.settings import CondaSettings
from envtool.engines.protocol import UnsatisfiableError
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.paths import Host
from envtool.process import Command, Dialogue
from envtool.redaction import redact

STALL = 40.0  # seconds without a sign of life after which a server counts as hanging; ENVTOOL_STALL sets another

# The worker finds envtool and the library where this process finds them, and nothing in the current folder.
_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from envtool.engines.rattler_worker import main; main()"
)

Json = dict[str, Any]


class Rattler:
    """The worker, with conda's network settings."""

    def __init__(self, host: Host, settings: CondaSettings) -> None:
        certificate = settings.ssl_verify if isinstance(settings.ssl_verify, str) else ""
        self._environment = {"PYTHONUTF8": "1"} | ({"SSL_CERT_FILE": certificate} if certificate else {})
        self._always: Json = {
            "insecure": settings.ssl_verify is False,
            "proxies": {kind: url for kind, url in settings.proxy_servers.items() if kind in ("http", "https")},
            "cache": str(host.cache_dir / "conda"),
            "stall": float(host.environ.get("ENVTOOL_STALL") or STALL),
            "user_agent": f"envtool/{__version__}",
        }
        self._dialogue: Dialogue | None = None

    def request(self, message: Json, on_progress: Callable[[Json], None] = lambda _: None) -> Json:
        """Return the worker's answer. Raises EnvtoolError; PackageError where another replica may help."""
        dialogue = self._dialogue or self._start()
        for line in dialogue.request(json.dumps(message | self._always)):
            event = json.loads(line)
            if event["event"] == "progress":
                on_progress(event)
            elif event["event"] == "done":
                result: Json = event["result"]
                return result
            else:
                # After an error the library goes on in the background: only the end of its process ends that.
                self.close()
                raise _failure(event, message)
        last = dialogue.last_words.strip().splitlines()
        self.close()
        raise EnvtoolError(
            tr(
                "The embedded engine's process ended unexpectedly: {reason}.",
                reason=last[-1] if last else tr("it said nothing"),
            ),
            hint=tr("Run the command again; if it happens again, use --engine conda or report it."),
        )

    def close(self) -> None:
        """Stop the worker."""
        if self._dialogue:
            self._dialogue.__exit__(None, None, None)
            self._dialogue = None

    def _start(self) -> Dialogue:
        self._dialogue = Dialogue(Command((sys.executable, "-c", _BOOT, json.dumps(sys.path)), env=self._environment))
        return self._dialogue.__enter__()


class PackageError(EnvtoolError):
    """A package that could not be fetched or unpacked: another replica may have it whole."""


def _failure(event: Json, request: Json) -> EnvtoolError:
    """Return the worker's error as the user's."""
    message = redact(event["message"]).strip()
    match event["kind"]:
        case "channel":
            where = event.get("channel") or ", ".join(name for name, _ in request.get("channels", []))
            reasons = redact(_reasons(event.get("causes", {}))) or message
            return EnvtoolError(
                tr("The channel {channel} could not be read: {reason}", channel=where, reason=reasons),
                hint=tr("Check the connection and the address; `envtool mirror set NAME` chooses another mirror."),
                code=ExitCode.NETWORK,
            )
        case "unsatisfiable":
            return UnsatisfiableError(
                tr("No set of packages satisfies the request: {reason}", reason=message),
                hint=tr("Check the spelling, loosen a version, or name another channel with -c."),
            )
        case "spec":
            return EnvtoolError(
                tr("A package specification cannot be understood: {reason}", reason=message),
                hint=tr("Write name, name=1.2 or 'name>=1.2,<2' (quoted)."),
                code=ExitCode.BAD_INPUT,
            )
        case "offline":
            return EnvtoolError(
                tr("Nothing may be fetched, and not in the cache are: {files}.", files=message),
                hint=tr("Leave --offline out (or `offline: true` in .condarc), or ask for what is in the cache."),
                code=ExitCode.NETWORK,
            )
        case "package":
            return PackageError(
                message,
                hint=tr("Run the command again, or choose another mirror with `envtool mirror set NAME`."),
                code=ExitCode.NETWORK,
            )
    return EnvtoolError(
        tr("The embedded engine failed: {reason}", reason=message), hint=tr("Use --engine conda or report it.")
    )


def _reasons(causes: Mapping[str, str]) -> str:
    """Return why each address failed; in one line where they all failed alike, as they do without a network."""
    if len(causes) > 1 and len(set(causes.values())) == 1:
        return tr(
            "{reason}, the same at each of {count} addresses ({addresses}).",
            reason=next(iter(causes.values())),
            count=len(causes),
            addresses=", ".join(urlsplit(url).netloc for url in causes),
        )
    return "\n  ".join(f"{url}: {reason}" for url, reason in causes.items())
