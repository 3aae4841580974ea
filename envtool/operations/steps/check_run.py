"""One run of the bundled checks with an interpreter, and its events.

The checks (``envtool/smoke``) are a program of their own that prints JSON lines, which are kept as they are.
"""

from pathlib import Path
from typing import Any

from envtool import smoke
from envtool.documents import parse_json
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.operations.steps.verification import CheckResult, VerifyOptions, VerifyTarget
from envtool.paths import Host
from envtool.process import Command, Completed, stream
from envtool.reporter import Bar

BUNDLE = Path(smoke.__file__).parent / "__main__.py"
SILENCE = 400.0  # seconds without output after which the program counts as stuck; every check has a shorter limit


def run(host: Host, target: VerifyTarget, options: VerifyOptions, bar: Bar) -> "Events":
    """Run the checks with the target's interpreter and return what they said; ``bar`` shows how many are done.

    A run that ends too early is a failure of the check that was running. Raises EnvtoolError where none ran.
    """
    events = Events(bar)
    events.close(_run_program(host, target, options, events))
    return events


def _run_program(
    host: Host, target: VerifyTarget, options: VerifyOptions, events: "Events"
) -> Completed | EnvtoolError:
    argv = [str(target.python), "-I", "-B", str(BUNDLE), "--device", options.device, "--suite", options.suite]
    argv += ["--seed", str(options.seed), *(f"--only={pattern}" for pattern in options.only)]
    argv += ["--figures"] if options.figures else []
    argv += ["--gpus", options.gpus, "--nodes", str(options.nodes)] if options.gpus else []
    argv += ["--rdzv", options.meeting] if options.meeting else []
    # Caches go into envtool's own folder: nothing is left in the environment or elsewhere in the home.
    caches = host.cache_dir / "verify"
    caches.mkdir(parents=True, exist_ok=True)
    env = {
        "PYTHONDONTWRITEBYTECODE": "1",
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": str(caches / "matplotlib"),
        "CUDA_CACHE_PATH": str(caches / "cuda"),
    }
    try:
        return stream(Command(tuple(argv), env=env), on_stdout=events.on_line, stall=SILENCE)
    except EnvtoolError as error:
        if not events.start:
            raise
        return error


class Events:
    """The events of a run, collected as they come."""

    def __init__(self, bar: Bar) -> None:
        self.start: dict[str, Any] = {}
        self.facts: dict[str, Any] = {}
        self.end: dict[str, Any] = {}
        self.rows: list[CheckResult] = []
        self._bar = bar
        self._running: dict[str, Any] = {}

    def on_line(self, line: str) -> None:
        """Take in one line; one that is no event is ignored."""
        try:
            event = parse_json(line)
        except ValueError:
            return
        if not isinstance(event, dict):
            return
        kind = event.get("event")
        if kind == "result":
            self.rows.append(CheckResult.of(event))
            self._running = {}
            self._bar.update(len(self.rows))
        elif kind == "check":
            self._running = event
            self._bar.update(len(self.rows), label=event["id"])
        elif kind in ("start", "facts", "end"):
            setattr(self, kind, event)

    def close(self, ended: Completed | EnvtoolError) -> None:
        """Turn an end without an ``end`` event into a failure of the check that was running."""
        if self.end:
            return
        if not self.start and isinstance(ended, Completed):
            raise EnvtoolError(
                tr("The interpreter could not run the checks: {reason}", reason=_line(ended.stderr, 0)),
                hint=tr("Python 3.8 or newer is required."),
                code=ExitCode.MISSING,
            )
        reason = ended.message if isinstance(ended, EnvtoolError) else _ending(ended)
        families = {check["id"]: check["family"] for check in self.start.get("checks", ())}
        name = str(self._running.get("id", "probe.import"))
        event = {"id": name, "family": families.get(name, "probes"), "verdict": "fail", "message": reason}
        self.rows.append(CheckResult.of(event))


def _ending(ended: Completed) -> str:
    if ended.returncode < 0:
        return tr("ended by signal {number} while this check ran", number=-ended.returncode)
    return tr(
        "ended with exit code {code} while this check ran: {reason}",
        code=ended.returncode,
        reason=_line(ended.stderr, -1),
    )


def _line(text: str, which: int) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[which] if lines else ""
