"""``envtool verify-gpu``: run the checks with an environment's own Python and collect their results.

The checks (``envtool/smoke``) are a program of their own that prints JSON lines, which are kept as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from envtool import smoke
from envtool.documents import parse_json
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.operations.context import Context
from envtool.operations.steps.target import target as find_target
from envtool.paths import Host
from envtool.prefix.layout import python_of
from envtool.process import Command, Completed, stream
from envtool.process import find as find_program
from envtool.reporter import Bar
from envtool.smoke.registry import Check, all_checks, select

BUNDLE = Path(smoke.__file__).parent / "__main__.py"
SILENCE = 400.0  # seconds without output after which the program counts as stuck; every check has a shorter limit

Device = Literal["gpu", "cpu"]
Suite = Literal["quick", "full"]


@dataclass(frozen=True)
class VerifyTarget:
    """The interpreter to verify, and the name it goes by."""

    python: Path
    name: str = ""


@dataclass(frozen=True)
class VerifyOptions:
    """What to verify. ``only`` holds patterns of check ids; ``figures`` adds the data for a report's pictures."""

    device: Device = "gpu"
    suite: Suite = "full"
    only: tuple[str, ...] = ()
    seed: int = 0
    figures: bool = False
    gpus: str = ""  # how many to verify together: "all", or a number (on CPUs, of processes); "" for none
    nodes: int = 1
    meeting: str = ""  # HOST:PORT where several machines meet


@dataclass(frozen=True)
class Result:
    """The result of one check: the worst of its measurements and the gate for it."""

    id: str
    family: str
    verdict: Literal["pass", "fail", "warn", "skip"]
    message: str = ""
    measured: float | str | None = None
    gate: float | None = None
    floor: bool = False
    source: str = ""
    seconds: float = 0.0
    said: Mapping[str, Any] = field(default_factory=dict)  # the whole event

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "Result":
        """Return the result in an event."""
        known = ("id", "family", "verdict", "message", "measured", "gate", "floor", "source", "seconds")
        return cls(**{name: event[name] for name in known if name in event}, said=event)


@dataclass(frozen=True)
class Report:
    """The results of one run. ``verdict`` is pass, fail, or nothing where there was no GPU to verify."""

    target: VerifyTarget
    device: Device
    suite: Suite
    facts: Mapping[str, Any]
    rows: tuple[Result, ...]
    checks: tuple[Mapping[str, Any], ...]
    verdict: Literal["pass", "fail", "nothing"]
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether no check failed, and something was checked."""
        return self.verdict == "pass"

    @property
    def exit_code(self) -> ExitCode:
        """The exit code for the verdict."""
        return {"pass": ExitCode.OK, "fail": ExitCode.VERDICT_NO, "nothing": ExitCode.NOTHING_TO_VERIFY}[self.verdict]

    def count(self, verdict: str) -> int:
        """Return how many checks have a verdict."""
        return sum(row.verdict == verdict for row in self.rows)

    def as_dict(self) -> dict[str, Any]:
        """Return what --json shows. Figures are for the report page only."""
        results = [{k: v for k, v in row.said.items() if k not in ("event", "figures")} for row in self.rows]
        return {
            "python": str(self.target.python),
            "environment": self.target.name,
            "device": self.device,
            "gpu_verified": self.device == "gpu" and self.passed,
            "suite": self.suite,
            "verdict": self.verdict,
            "seconds": self.seconds,
            "counts": {verdict: self.count(verdict) for verdict in ("pass", "warn", "fail", "skip")},
            "facts": {k: v for k, v in self.facts.items() if k != "event"},
            "results": results,
        }


def target_of(context: Context, *, name: str | None = None, python: Path | None = None) -> VerifyTarget:
    """Return the interpreter to verify: at a path, of an environment by name, else of the active one.

    Raises EnvtoolError (MISSING) where there is none.
    """
    if python is not None:
        # Not resolved: a venv's python is a link to another interpreter.
        on_path = find_program(str(python), context.host.environ.get("PATH")) if len(python.parts) == 1 else None
        path = Path(on_path) if on_path else python.expanduser().absolute()
        if not path.is_file():
            raise EnvtoolError(
                tr("There is no interpreter at {path}.", path=path),
                hint=tr("Give the path of a Python program, for example --python /opt/venv/bin/python."),
                code=ExitCode.MISSING,
            )
        return VerifyTarget(path)
    environment = find_target(
        context,
        name or "",
        hint=tr("Name one (envtool verify-gpu NAME), or any interpreter with torch: --python PATH."),
        code=ExitCode.MISSING,
    )
    interpreter = python_of(environment.prefix)
    if interpreter is None:
        raise EnvtoolError(
            tr("The environment {path} has no Python.", path=environment.prefix),
            hint=tr("Install it: envtool install -p {path} python", path=environment.prefix),
            code=ExitCode.MISSING,
        )
    return VerifyTarget(interpreter, environment.name)


def selected(options: VerifyOptions) -> tuple[Check, ...]:
    """Return the selected checks. Raises EnvtoolError (USAGE) where a pattern matches none."""
    every = all_checks()
    for pattern in options.only:
        if not select(every, only=(pattern,), device="gpu", group=True):
            families = ", ".join(dict.fromkeys(check.id.split(".")[0] for check in every))
            raise EnvtoolError(
                tr("No check matches {pattern}.", pattern=pattern),
                hint=tr("Families of checks: {families}. envtool verify-gpu --list shows them all.", families=families),
                code=ExitCode.USAGE,
            )
    group = bool(options.gpus)
    checks = select(every, suite=options.suite, only=options.only, device=options.device, group=group)
    if not checks:
        raise EnvtoolError(
            tr("The checks that match {patterns} need a GPU, or several.", patterns=" ".join(options.only)),
            hint=tr("Leave out --device cpu, or add --gpus."),
            code=ExitCode.USAGE,
        )
    return checks


def verify(context: Context, target: VerifyTarget, options: VerifyOptions) -> Report:
    """Run the checks with the target's interpreter and return the report; nothing is changed there.

    Raises EnvtoolError: MISSING where the interpreter has no torch.
    """
    checks = selected(options)
    with context.reporter.bar(tr("Verifying"), total=len(checks), unit="checks") as bar:
        listener = _Listener(bar)
        ended = _run(context.host, target, options, listener)
    listener.close(ended)
    if listener.end.get("verdict") == "no-torch":
        raise _no_torch(target)
    verdict = listener.end.get("verdict")
    return Report(
        target=target,
        device=options.device,
        suite=options.suite,
        facts=listener.facts,
        rows=tuple(listener.rows),
        checks=tuple(listener.start.get("checks", ())),
        verdict=verdict if verdict in ("pass", "nothing") else "fail",
        seconds=float(listener.end.get("seconds", 0.0)),
    )


def _run(host: Host, target: VerifyTarget, options: VerifyOptions, listener: "_Listener") -> Completed | EnvtoolError:
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
        return stream(Command(tuple(argv), env=env), on_stdout=listener.on_line, stall=SILENCE)
    except EnvtoolError as error:
        if not listener.start:
            raise
        return error


class _Listener:
    """Collects the events of a run."""

    def __init__(self, bar: Bar) -> None:
        self.start: dict[str, Any] = {}
        self.facts: dict[str, Any] = {}
        self.end: dict[str, Any] = {}
        self.rows: list[Result] = []
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
            self.rows.append(Result.of(event))
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
        self.rows.append(Result.of(event))


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


def _no_torch(target: VerifyTarget) -> EnvtoolError:
    if target.name:
        hint = tr(
            "Create an environment with it (envtool bootstrap NEW_NAME), or: envtool install -n {name} --pip torch",
            name=target.name,
        )
    else:
        hint = tr("Install it (python -m pip install torch), or create an environment: envtool bootstrap NAME")
    return EnvtoolError(
        tr("torch is not installed for {python}.", python=target.python), hint=hint, code=ExitCode.MISSING
    )
