"""Client of the rattler worker process, which is started on the first request and stopped after every error."""

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from envtool import __version__
from envtool.clients.conda.settings import CondaSettings
from envtool.engines.errors import not_cached, unsafe_package, unsatisfiable
from envtool.errors import EnvtoolError, ExitCode
from envtool.files import says_full
from envtool.i18n import tr
from envtool.paths import Host
from envtool.process import Command, Dialogue
from envtool.redaction import redact

STALL = 40.0  # seconds without progress after which a server counts as stalled; ENVTOOL_STALL overrides it

# The worker imports envtool and the library from where this process does, and nothing from the current folder.
_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from envtool.engines.rattler_worker.server import main; main()"
)

Json = dict[str, Any]


class Rattler:
    """The worker process and conda's network settings, which every request includes."""

    def __init__(self, host: Host, settings: CondaSettings) -> None:
        certificate = settings.ssl_verify if isinstance(settings.ssl_verify, str) else ""
        self._environment = {"PYTHONUTF8": "1"} | ({"SSL_CERT_FILE": certificate} if certificate else {})
        self._settings: Json = {
            "insecure": settings.ssl_verify is False,
            "proxies": {kind: url for kind, url in settings.proxy_servers.items() if kind in ("http", "https")},
            "cache": str(host.cache_dir / "conda"),
            "stall": float(host.environ.get("ENVTOOL_STALL") or STALL),
            "user_agent": f"envtool/{__version__}",
        }
        self._dialogue: Dialogue | None = None

    def start(self) -> None:
        """Start the worker. It loads the library in the background."""
        if not self._dialogue:
            self._start()

    def request(self, message: Json, on_progress: Callable[[Json], None] = lambda _: None) -> Json:
        """Return the worker's result. Raises EnvtoolError, or PackageError if another mirror may have the package."""
        dialogue = self._dialogue or self._start()
        for line in dialogue.request(json.dumps(message | self._settings)):
            event = json.loads(line)
            if event["event"] == "progress":
                on_progress(event)
            elif event["event"] == "done":
                result: Json = event["result"]
                return result
            else:
                # After an error the library continues in the background until its process ends.
                self.close()
                raise _failure(event, message | self._settings)
        last = dialogue.errors.strip().splitlines()
        self.close()
        raise EnvtoolError(
            tr(
                "The process of the embedded engine ended unexpectedly: {reason}",
                reason=last[-1] if last else tr("it printed no reason"),
            ),
            hint=tr("Run the command again. If it fails again, use --engine conda, and report the problem."),
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
    """A package could not be fetched or unpacked. Another mirror may have an intact copy."""


def _failure(event: Json, request: Json) -> EnvtoolError:
    """Return the EnvtoolError for an ``error`` event of the worker."""
    message = _shown(event["message"], request).strip()
    match event["kind"]:
        case "channel":
            channel = event.get("channel") or ", ".join(name for name, *_ in request.get("channels", []))
            reasons = _shown(_reasons(event.get("causes", {})), request) or message
            return EnvtoolError(
                tr("The channel {channel} could not be read: {reason}", channel=channel, reason=reasons),
                hint=tr("Check the connection and the URL. `envtool mirror set NAME` selects another mirror."),
                code=ExitCode.NETWORK,
            )
        case "archive":
            return PackageError(
                tr("{url} could not be fetched: {reason}", url=redact(event["url"]), reason=message),
                hint=tr("Check the URL, the connection and the hash."),
                code=ExitCode.NETWORK,
            )
        case "unsatisfiable":
            return unsatisfiable(message, event.get("specs") or {})
        case "spec":
            return EnvtoolError(
                tr("Invalid package specification: {reason}", reason=message),
                hint=tr("Write name, name=1.2 or, in quotes, 'name>=1.2,<2'."),
                code=ExitCode.BAD_INPUT,
            )
        case "offline":
            return not_cached(message)
        case "unsafe":
            return unsafe_package(message, event["path"])
        case "package" if says_full(message):
            if request["prefix"] in message:
                return EnvtoolError(tr("The packages could not be installed: {reason}", reason=message))
            cache = f"{request['cache']}/pkgs"
            return EnvtoolError(
                tr("The packages could not be unpacked in {folder}: {reason}", folder=cache, reason=message)
            )
        case "package":
            return PackageError(
                message,
                hint=tr("Run the command again, or select another mirror with `envtool mirror set NAME`."),
                code=ExitCode.NETWORK,
            )
    return EnvtoolError(
        tr("The embedded engine failed: {reason}", reason=message),
        hint=tr("Use --engine conda, and report the problem."),
    )


def _shown(text: str, request: Json) -> str:
    """Return a text without secrets, including the values of variables in the URLs of channels."""
    for name, urls, _ in request.get("channels", ()):
        if "$" in name:
            text = text.replace(urls[0], name)
    return redact(text)


def _reasons(causes: Mapping[str, str]) -> str:
    """Return why each URL failed, on one line if all failed for the same reason, as they do without a network."""
    if len(causes) > 1 and len(set(causes.values())) == 1:
        return tr(
            "{reason} (at all {count} URLs: {hosts})",
            reason=next(iter(causes.values())),
            count=len(causes),
            hosts=", ".join(urlsplit(url).netloc for url in causes),
        )
    return "\n  ".join(f"{url}: {reason}" for url, reason in causes.items())
