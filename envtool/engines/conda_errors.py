"""What conda, mamba and micromamba say when they fail, as the errors that it means here."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from envtool.engines.protocol import UnsatisfiableError
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.process import Completed
from envtool.redaction import redact

Json = dict[str, Any]

_UNREACHED = (
    "CondaHTTPError",
    "HTTPError",
    "ProxyError",
    "SSLError",
    "OfflineError",
    "UnavailableInvalidChannel",
    "ConnectionError",
    "ChecksumMismatchError",
)
_UNSOLVED = (
    "ResolvePackageNotFound",
    "PackagesNotFoundError",
    "UnsatisfiableError",
    "LibMambaUnsatisfiableError",
    "PackagesNotFoundInChannelsError",
)
# mamba's errors have no names: these are its words.
_MAMBA_UNREACHED = re.compile(
    r"Download error|Transfer finalized|not loaded|Could not load repodata|Found incorrect downloads|Failed to download"
)
_MAMBA_ADVICE = re.compile(r"\s*If you (?:run into|see) this .*", re.DOTALL)  # to clean the cache, to report a bug


def of_conda(program: Path, answer: Json, done: Completed) -> EnvtoolError | None:
    """Return the error that conda ended with, or None where it did what it was to do."""
    if not done.returncode and not (answer.get("success") is False and answer.get("error")):
        return None
    errors = answer.get("errors") or [answer]  # of packages that could not be fetched it tells in the plural
    kind = str(errors[0].get("exception_name", ""))
    said = dict.fromkeys(str(error.get("message") or error.get("error") or "").strip() for error in errors)
    reason = _reason("\n".join(said), done)
    if kind.startswith("CondaToS"):
        return _terms(reason)
    if kind in _UNREACHED or "HTTP" in kind or "requests.exceptions" in str(errors[0].get("exception_type")):
        return _unreachable(program, reason)
    return _unsatisfiable(reason) if kind in _UNSOLVED else _failed(program, reason)


def of_mamba(program: Path, answer: Json, done: Completed) -> EnvtoolError | None:
    """Return the error that mamba 2 or micromamba ended with, or None; it ends with 0 when it is interrupted, too."""
    if not done.returncode and answer.get("success"):
        return None
    errors = [r["message"] for r in answer.get("log_history", ()) if r["level"] in ("error", "critical")]
    apart = [text for text in dict.fromkeys(errors) if not any(text != other and text in other for other in errors)]
    reason = _reason("\n".join(_MAMBA_ADVICE.sub("", text) for text in apart), done)
    if "solver_problems" in answer or "Could not solve" in reason:
        return _unsatisfiable(reason)
    return _unreachable(program, reason) if _MAMBA_UNREACHED.search(reason) else _failed(program, reason)


def _reason(said: object, done: Completed) -> str:
    return redact(str(said or done.stderr.strip()[-2000:] or f"exit code {done.returncode}")).strip()


def _terms(reason: str) -> EnvtoolError:
    return EnvtoolError(
        tr("conda refuses until the terms of service of a channel are accepted: {reason}", reason=reason),
        hint=tr(
            "Read them with `conda tos view`; then accept them with --accept-tos, or do without that channel: "
            "--override-channels -c conda-forge."
        ),
    )


def _unreachable(program: Path, reason: str) -> EnvtoolError:
    return EnvtoolError(
        tr("{program} could not reach a channel: {reason}", program=program.stem, reason=reason),
        hint=tr("Check the connection; `envtool mirror set NAME` chooses another mirror."),
        code=ExitCode.NETWORK,
    )


def _unsatisfiable(reason: str) -> UnsatisfiableError:
    return UnsatisfiableError(
        tr("No set of packages satisfies the request: {reason}", reason=reason),
        hint=tr("Check the spelling, loosen a version, or name another channel with -c."),
    )


def not_cached(files: Sequence[str]) -> EnvtoolError:
    """Return the error of archives that would have to be fetched where nothing may be."""
    return EnvtoolError(
        tr("Offline, and not in the package cache: {files}.", files=", ".join(files)),
        hint=tr("Run it again without --offline."),
        code=ExitCode.NETWORK,
    )


def _failed(program: Path, reason: str) -> EnvtoolError:
    return EnvtoolError(
        tr("{program} failed: {reason}", program=program.stem, reason=reason),
        hint=tr("`--engine embedded` does without {program}.", program=program.stem),
    )
