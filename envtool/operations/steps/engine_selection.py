"""Choose the engine for a new or an existing environment, and open it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from envtool.clients.conda.health import DoesNotStartError
from envtool.engines import AUTO, ENGINES, engine_type
from envtool.engines.protocol import Engine, EngineSetup, EngineType
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.model import Environment
from envtool.operations.context import Context


@dataclass(frozen=True)
class EngineChoice:
    """The engine to use, and a sentence that says why."""

    engine: EngineType
    reason: str


def for_new(context: Context, asked: str) -> EngineChoice:
    """Choose the engine of a new environment: the one asked for, or for ``auto`` the first that works here.

    Raises EnvtoolError: USAGE for an unknown name, MISSING where the engine cannot work here.
    """
    if asked == AUTO:
        return _chosen(*_first_available(context, [engine for engine in _all() if engine.conda_half]), context)
    if asked not in ENGINES:
        raise EnvtoolError(
            tr("There is no engine {name!r}.", name=asked),
            hint=tr("Engines: {names}.", names=", ".join((AUTO, *ENGINES))),
            code=ExitCode.USAGE,
        )
    engine, _ = _first_available(context, [engine_type(asked)])
    return EngineChoice(engine, tr("Engine: {engine}, as asked.", engine=engine.title_here(context.host)))


def has_conda_half(asked: str) -> bool:
    """Return whether environments of the engine asked for hold conda packages; an unknown one is refused later."""
    return asked not in ENGINES or engine_type(asked).conda_half


def for_existing(context: Context, environment: Environment) -> EngineChoice:
    """Choose the engine that changes an environment: the one that made it, else the first that can.

    Raises EnvtoolError (MISSING) where none of them can work here.
    """
    name = environment.title
    if environment.engine in ENGINES and _works_for(engine_type(environment.engine), environment, context):
        made = engine_type(environment.engine)  # loaded alone: each engine brings much of its own
        title = made.title_here(context.host)
        return EngineChoice(made, tr("Engine: {engine}, which made {name}.", engine=title, name=name))
    able = [engine for engine in _all() if engine.kind == environment.kind]
    engine, broken = _first_available(context, sorted(able, key=lambda each: each.name != environment.engine))
    if len(able) == 1:
        title, kind = engine.title_here(context.host), environment.kind
        return EngineChoice(
            engine, tr("Engine: {engine}, since {name} is a {kind}.", engine=title, name=name, kind=kind)
        )
    return _chosen(engine, broken, context)


def instead_of(context: Context, choice: EngineChoice, broken: DoesNotStartError) -> EngineChoice:
    """Choose the engine for the same environment, new or not, after the one chosen for it turned out to be broken.

    Raises ``broken`` where no other engine makes and changes such environments here.
    """
    kind = choice.engine.kind
    others = [engine for engine in _all() if engine.kind == kind and engine is not choice.engine]
    for engine in others:
        if engine.unavailable(context.host) is None:
            return _chosen(engine, broken, context)
    raise broken


def without_channels(context: Context) -> EngineType:
    """Return the engine to use where no conda channel can be read. Raises EnvtoolError (MISSING) without one."""
    return _first_available(context, [engine for engine in _all() if not engine.conda_half])[0]


@contextmanager
def opened(
    context: Context, choice: EngineChoice, command: str, *, accept_tos: bool = False, run_scripts: bool = True
) -> Iterator[Engine]:
    """Yield the engine that was chosen, ready to work, and close it when the block ends."""
    setup = EngineSetup(context.host, command, context.root, context.conda_settings, accept_tos, run_scripts)
    engine = choice.engine.open(setup)
    try:
        yield engine
    finally:
        engine.close()


def _works_for(engine: EngineType, environment: Environment, context: Context) -> bool:
    return engine.kind == environment.kind and engine.unavailable(context.host) is None


def _all() -> list[EngineType]:
    return [engine_type(name) for name in ENGINES]


def _chosen(engine: EngineType, broken: DoesNotStartError | None, context: Context) -> EngineChoice:
    """Return the choice of an engine that nobody asked for; ``broken`` is why one before it cannot be used."""
    if broken is None:
        return EngineChoice(engine, engine.reason(context.host))
    reason = tr(
        "Engine: {engine}, since {program} does not work: {cause}.",
        engine=engine.title_here(context.host),
        program=broken.program,
        cause=broken.cause,
    )
    return EngineChoice(engine, reason)


def _first_available(context: Context, engines: list[EngineType]) -> tuple[EngineType, DoesNotStartError | None]:
    """Return the first engine that can work here, and why an installed one before it does not work.

    Raises EnvtoolError where none can, in the words of the last.
    """
    errors: dict[str, EnvtoolError] = {}
    for engine in engines:
        error = engine.unavailable(context.host)
        if error is None:
            broken = [error for error in errors.values() if isinstance(error, DoesNotStartError)]
            return engine, next(iter(broken), None)
        errors[engine.name] = error
    raise errors[max(errors, key=ENGINES.index)]
