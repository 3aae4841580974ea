"""Translate failures of conda, mamba and micromamba into EnvtoolErrors."""

import re
from pathlib import Path

from envtool.clients.conda.health import DoesNotStartError
from envtool.clients.conda.json_output import Json
from envtool.engines.errors import unsatisfiable
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.process import Completed
from envtool.redaction import redact

_NETWORK = (
    "CondaHTTPError",
    "HTTPError",
    "ProxyError",
    "SSLError",
    "OfflineError",
    "UnavailableInvalidChannel",
    "ConnectionError",
    "ChecksumMismatchError",
)
_BROKEN = ("ImportError", "ModuleNotFoundError", "NoBaseEnvironmentError")  # its own modules are missing or do not load
# The solver that is configured is a plugin, and its library does not load.
_NO_SOLVER = re.compile(r"solver backend .* not recognized", re.DOTALL)
_UNSATISFIABLE = (
    "ResolvePackageNotFound",
    "PackagesNotFoundError",
    "UnsatisfiableError",
    "LibMambaUnsatisfiableError",
    "PackagesNotFoundInChannelsError",
)
# mamba's errors have no names, only messages.
_MAMBA_NETWORK = re.compile(
    r"Download error|Transfer finalized|not loaded|Could not load repodata|Found incorrect downloads|Failed to download"
)
_MAMBA_ADVICE = re.compile(r"\s*If you (?:run into|see) this .*", re.DOTALL)  # cleaning the cache, reporting a bug


def of_conda(program: Path, answer: Json, done: Completed) -> EnvtoolError | None:
    """Return the error that conda reported, or None if it succeeded."""
    if not answer:
        # conda ends with a document: whatever ended without one did not do its work.
        return _failed(program, _reason("", done))
    if not done.returncode and not (answer.get("success") is False and answer.get("error")):
        return None
    errors = answer.get("errors") or [answer]  # a list if several packages could not be fetched
    kind = str(errors[0].get("exception_name", ""))
    messages = dict.fromkeys(str(error.get("message") or error.get("error") or "").strip() for error in errors)
    reason = _reason("\n".join(messages), done)
    if kind in _BROKEN or _NO_SOLVER.search(reason):
        return DoesNotStartError(program, reason)
    if kind.startswith("CondaToS"):
        return _terms(reason)
    if kind in _NETWORK or "HTTP" in kind or "requests.exceptions" in str(errors[0].get("exception_type")):
        return _unreachable(program, reason)
    return unsatisfiable(reason) if kind in _UNSATISFIABLE else _failed(program, reason)


def of_mamba(program: Path, answer: Json, done: Completed) -> EnvtoolError | None:
    """Return the error that mamba 2 or micromamba reported, or None if it succeeded. Interrupted, it exits with 0."""
    if not done.returncode and answer.get("success"):
        return None
    errors = [r["message"] for r in answer.get("log_history", ()) if r["level"] in ("error", "critical")]
    distinct = [text for text in dict.fromkeys(errors) if not any(text != other and text in other for other in errors)]
    reason = _reason("\n".join(_MAMBA_ADVICE.sub("", text) for text in distinct), done)
    if "solver_problems" in answer or "Could not solve" in reason:
        return unsatisfiable(reason)
    return _unreachable(program, reason) if _MAMBA_NETWORK.search(reason) else _failed(program, reason)


def other_packages() -> EnvtoolError:
    """Return the error for a mirror from which other packages would come than those that were planned."""
    return EnvtoolError(
        tr("Another mirror of the channels has other packages than those planned."),
        hint=tr("Run the command again."),
        code=ExitCode.NETWORK,
    )


def _reason(message: str, done: Completed) -> str:
    return redact(str(message or done.stderr.strip()[-2000:] or f"exit code {done.returncode}")).strip()


def _terms(reason: str) -> EnvtoolError:
    return EnvtoolError(
        tr("conda requires that you accept the terms of service of a channel: {reason}", reason=reason),
        hint=tr(
            "Read them with `conda tos view`, then accept them with --accept-tos, or use another channel: "
            "--override-channels -c conda-forge."
        ),
    )


def _unreachable(program: Path, reason: str) -> EnvtoolError:
    return EnvtoolError(
        tr("{program} could not reach a channel: {reason}", program=program.stem, reason=reason),
        hint=tr("Check the connection. `envtool mirror set NAME` selects another mirror."),
        code=ExitCode.NETWORK,
    )


def _failed(program: Path, reason: str) -> EnvtoolError:
    return EnvtoolError(
        tr("{program} failed: {reason}", program=program.stem, reason=reason),
        hint=tr("`--engine embedded` works without {program}.", program=program.stem),
    )
