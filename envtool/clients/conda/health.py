"""Check of the installed conda: does it start, and why not.

A conda that has answered is not asked again for a day, unless something of its installation has changed. One that
fails is asked anew each time, which takes a moment. One that hangs costs the whole limit once; from then on it gets a
short time to show that it is well again.
"""

import os
import re
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from envtool import versioned_json
from envtool.clients.conda.json_output import Json, last_document
from envtool.clients.conda.program import is_mamba
from envtool.errors import EnvtoolError, ExitCode
from envtool.files import shebang
from envtool.i18n import tr
from envtool.paths import Host
from envtool.process import CannotStartError, Command, Completed, TimeoutExceededError, capture
from envtool.redaction import redact

LIMIT = 20.0  # seconds in which a conda answers: on a cold network file system it may need several
SHORT_LIMIT = 3.0  # seconds for one that has hung before
GOOD_FOR = 86400.0  # seconds for which an answer counts
HUNG_FOR = 60.0  # seconds for which a hang counts without another look
SHORT_FOR = 3600.0  # seconds after which one that hung gets the whole limit again

_VARIABLES = ("PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH")  # they can break it
_REASON = 300  # characters of output that a message shows


class DoesNotStartError(EnvtoolError):
    """An installed conda that does not work; ``program`` is its path and ``cause`` says why."""

    def __init__(self, program: Path, cause: str) -> None:
        cause = cause.rstrip(". \n")
        super().__init__(
            tr("{program} does not work: {cause}.", program=program, cause=cause),
            hint=tr("Repair or remove it, or use --engine embedded, which needs no conda."),
            code=ExitCode.MISSING,
        )
        self.program = program
        self.cause = cause


def check(host: Host, program: Path) -> DoesNotStartError | None:
    """Return why a conda, mamba or micromamba does not work, or None where it does."""
    seen = _seen(host, program)
    known = _read(host, program)
    age = time.time() - known.get("time", 0.0) if known.get("seen") == seen else -1.0
    hung = known.get("hung", 0.0) if age >= 0 else 0.0
    if age >= 0 and age < (HUNG_FOR if hung else GOOD_FOR):
        return DoesNotStartError(program, _no_answer(hung)) if hung else None
    return _ask(host, program, seen, SHORT_LIMIT if hung and age < SHORT_FOR else LIMIT, hung)


def check_again(host: Host, program: Path) -> DoesNotStartError | None:
    """Do the same without regard to an earlier answer: for a conda that has just failed to do its work."""
    return _ask(host, program, _seen(host, program), LIMIT)


def _ask(host: Host, program: Path, seen: list[str], limit: float, hung: float = 0.0) -> DoesNotStartError | None:
    try:
        done = capture(_question(program), timeout=limit)
    except TimeoutExceededError:
        if limit == LIMIT:
            _remember(host, program, seen, hung=limit)
        return DoesNotStartError(program, _no_answer(hung or limit))
    except CannotStartError as error:
        _forget(host, program)
        return DoesNotStartError(program, error.cause)
    if cause := _cause(program, done):
        _forget(host, program)
        return DoesNotStartError(program, cause)
    _remember(host, program, seen)
    return None


def _question(program: Path) -> Command:
    """Return a command that loads most of the program and writes nothing."""
    if is_mamba(program):
        return Command((str(program), "--version"))
    return Command((str(program), "config", "--show", "channels", "--json"))


def _cause(program: Path, done: Completed) -> str:
    """Return what is wrong with an answer, or "" where it is one."""
    if done.returncode < 0:
        return _signal_cause(-done.returncode)
    if is_mamba(program):
        well = not done.returncode and re.match(r"\d+\.\d+", done.stdout.strip())
        return "" if well else _output_cause(done)
    answer = last_document(done.stdout)
    if not done.returncode and "channels" in answer:
        return ""
    # A conda that refuses a configuration file works; its own modules may be what it cannot import.
    if "conda." in str(answer.get("exception_type", "")) and "Import" not in str(answer.get("exception_name")):
        return ""
    if said := str(answer.get("message") or answer.get("error") or "").strip():
        return redact(said[-_REASON:])
    return _output_cause(done)


def _signal_cause(number: int) -> str:
    with suppress(ValueError):
        return tr("signal {name} ended it", name=signal.Signals(number).name)
    return tr("signal {name} ended it", name=number)


def _output_cause(done: Completed) -> str:
    lines = done.stderr.strip().splitlines() or done.stdout.strip().splitlines()
    if done.returncode:
        last = redact(lines[-1].strip()[:_REASON]) if lines else ""
        return last or tr("it ends with exit code {code} and says nothing", code=done.returncode)
    if not done.stdout.strip():
        return tr("it prints nothing")
    return tr("it answers {text!r}, not as conda does", text=redact(done.stdout.strip().splitlines()[0][:80]))


def _no_answer(seconds: float) -> str:
    return tr("it does not answer within {seconds:g} seconds", seconds=seconds)


# -- The answers that are remembered ----------------------------------------------------------------------------------


def _seen(host: Host, program: Path) -> list[str]:
    """Return what an answer depends on: the installation's files, by their times, and some variables."""
    interpreter = next(iter(shebang(program)), "")
    paths = [program, *map(Path, filter(None, [interpreter]))]
    for path in (program, Path(interpreter or program)):
        with suppress(OSError, RuntimeError):
            prefix = path.resolve().parent.parent
            paths += [prefix / "conda-meta", prefix / "lib", *sorted(prefix.glob("lib/python3*/site-packages"))]
            paths += sorted(prefix.glob("lib/python3*/site-packages/conda"))
    variables = [f"{name}={host.environ.get(name, '')}" for name in _VARIABLES]
    return [*map(_stamp, dict.fromkeys(paths)), *(_digest(text) for text in variables), sys.platform]


def _stamp(path: Path) -> str:
    try:
        entry = os.stat(path)  # noqa: PTH116 - up to Python 3.13 Path.stat is slower, and this runs at every command
    except OSError:
        return f"{path} -"
    return f"{path} {entry.st_mtime_ns} {entry.st_ctime_ns} {entry.st_size} {entry.st_ino} {entry.st_mode}"


def _digest(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _file(host: Host, program: Path) -> Path:
    return host.cache_dir / "programs" / f"{program.name}-{_digest(str(program))}.json"


def _read(host: Host, program: Path) -> Json:
    try:
        content = versioned_json.read(_file(host, program))
    except EnvtoolError:
        return {}
    if not all(isinstance(content.get(name, 0.0), int | float) for name in ("time", "hung")):
        return {}
    return content


def _remember(host: Host, program: Path, seen: list[str], *, hung: float = 0.0) -> None:
    path = _file(host, program)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        versioned_json.write(path, {"seen": seen, "time": time.time(), "hung": hung})


def _forget(host: Host, program: Path) -> None:
    with suppress(OSError):
        _file(host, program).unlink(missing_ok=True)
