"""Entry point of the worker: reads requests, runs them and reports their results."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from rattler.exceptions import GatewayError, InstallerError, InvalidMatchSpecError, SolverError

from envtool.engines.rattler_worker.errors import (
    ArchiveError,
    ChannelError,
    OfflineError,
    SizeError,
    StalledError,
    UnavailableError,
    UnsafePackageError,
)
from envtool.engines.rattler_worker.events import emit
from envtool.engines.rattler_worker.linking import link
from envtool.engines.rattler_worker.lookup import lookup
from envtool.engines.rattler_worker.solving import explicit, solve

Json = dict[str, Any]

_ACTIONS: dict[str, Callable[[Json], Coroutine[Any, Any, Json]]] = {
    "solve": solve,
    "explicit": explicit,
    "link": link,
    "lookup": lookup,
}
_KINDS: tuple[tuple[type[BaseException], str], ...] = (
    (ArchiveError, "archive"),
    (ChannelError, "channel"),
    (StalledError, "package"),
    (SizeError, "package"),
    (OfflineError, "offline"),
    (GatewayError, "channel"),
    (InvalidMatchSpecError, "spec"),
    (SolverError, "unsatisfiable"),
    (UnavailableError, "unsatisfiable"),
    (InstallerError, "package"),
)


def main() -> None:
    """Serve requests until the parent closes stdin."""
    # The parent stops the worker with SIGINT: at once, since shutting the interpreter down takes long and may crash.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            emit(event="done", result=asyncio.run(_ACTIONS[request["action"]](request)))
        except BaseException as error:  # noqa: BLE001 - a Rust panic is a BaseException and must be reported
            emit(event="error", **_describe(error))
    sys.stdout.flush()
    os._exit(0)


def _describe(error: BaseException) -> Json:
    """Return the fields of the ``error`` event for an exception."""
    kind = next((kind for type_, kind in _KINDS if isinstance(error, type_)), "fault")
    if isinstance(error, ArchiveError):
        return {"kind": kind, "message": error.reason, "url": error.url}
    if isinstance(error, ChannelError):
        return {"kind": kind, "message": "", "channel": error.name, "causes": error.causes}
    if isinstance(error, UnsafePackageError):
        return {"kind": "unsafe", "message": f"{error}", "path": error.path}
    if isinstance(error, UnavailableError):
        return {"kind": kind, "message": str(error), "specs": error.specs}
    return {"kind": kind, "message": f"{error}" if kind != "fault" else f"{type(error).__name__}: {error}"}
