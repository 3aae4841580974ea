"""``envtool verify-gpu``: the checks, run with an environment's own Python, and a report of their results."""

import shlex
from pathlib import Path

from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.operations.context import Context
from envtool.operations.steps import check_run
from envtool.operations.steps.target import target as find_target
from envtool.operations.steps.verification import Report, VerifyOptions, VerifyTarget
from envtool.prefix.layout import python_of
from envtool.process import find as find_program
from envtool.smoke.registry import Check, all_checks, select


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
            hint=tr("Install it: envtool install {which} python", which=shlex.join(environment.option)),
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
        events = check_run.run(context.host, target, options, bar)
    verdict = events.end.get("verdict")
    if verdict == "no-torch":
        raise _no_torch(target)
    return Report(
        target=target,
        device=options.device,
        suite=options.suite,
        facts=events.facts,
        rows=tuple(events.rows),
        checks=tuple(events.start.get("checks", ())),
        verdict=verdict if verdict in ("pass", "nothing") else "fail",
        seconds=float(events.end.get("seconds", 0.0)),
    )


def _no_torch(target: VerifyTarget) -> EnvtoolError:
    if target.name:
        hint = tr(
            "Create an environment with it (envtool bootstrap NEW_NAME), or: envtool install -n {name} --pip torch",
            name=shlex.quote(target.name),
        )
    else:
        hint = tr("Install it (python -m pip install torch), or create an environment: envtool bootstrap NAME")
    return EnvtoolError(
        tr("torch is not installed for {python}.", python=target.python), hint=hint, code=ExitCode.MISSING
    )
