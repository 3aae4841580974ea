"""One change to an environment, as install, uninstall and update make it: worked out, shown, carried out, compared."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any, ClassVar

from envtool.clients.conda.health import DoesNotStartError
from envtool.engines.protocol import Engine, Solution, SolveRequest
from envtool.environments import packages
from envtool.environments.packages import Contents
from envtool.i18n import tr
from envtool.model import Environment, Package, Sources
from envtool.operations.context import Context
from envtool.operations.steps import alternatives, engine_selection, explicit_lists, guards, trust
from envtool.operations.steps.channel_names import with_channel_names
from envtool.operations.steps.confirmation import Confirm, Proposal, require_confirmation
from envtool.operations.steps.engine_selection import EngineChoice
from envtool.operations.steps.package_sources import NO_OPTIONS, SourceOptions
from envtool.operations.steps.transaction import Frame, changing, held
from envtool.prefix.snapshot import Footprint


@dataclass(frozen=True)
class ChangeRequest:
    """What every request for a change says. ``command`` is the user's command line, for the records.

    ``override_frozen`` changes an environment that its owner has frozen; ``accept_tos`` says that the user accepts the
    terms of service of the channels in use, ``run_scripts`` that packages may run their link scripts.
    """

    environment: Environment
    _: KW_ONLY
    sources: SourceOptions = NO_OPTIONS
    command: str
    override_frozen: bool = False
    accept_tos: bool = False
    run_scripts: bool = True


@dataclass(frozen=True)
class Change:
    """A change worked out from what is installed, and not begun.

    ``removed`` and ``added`` are expected: pip decides when it installs. ``footprint`` returns the paths that its pip
    half may meet; ``apply`` carries both halves out, with a scratch folder.
    """

    solution: Solution
    removed: tuple[Package, ...]
    added: tuple[Package, ...]
    footprint: Callable[[], Footprint]
    apply: Callable[[Path], None]


Prepare = Callable[[Contents], Callable[[Engine], Change]]
"""How a verb works a change out: what is asked for is compared with the packages that are installed, and raises
EnvtoolError where it makes no sense; then both halves are resolved with an engine, which writes nothing but caches."""


@dataclass(frozen=True)
class _Difference:
    environment: Environment
    removed: tuple[Package, ...]
    added: tuple[Package, ...]

    dry_run: ClassVar[bool]

    def as_dict(self) -> dict[str, Any]:
        """Return what --json shows."""

        def shown(these: Sequence[Package]) -> list[dict[str, str]]:
            return [{"name": p.name, "version": p.version, "build": p.build, "manager": p.manager} for p in these]

        return {
            "name": self.environment.name,
            "prefix": str(self.environment.prefix),
            "removed": shown(self.removed),
            "added": shown(self.added),
            "dry_run": self.dry_run,
        }


class ChangePlan(_Difference):
    """The packages that a change would remove and add."""

    dry_run = True


class Changed(_Difference):
    """The packages that a change has removed and added, found by reading the environment again."""

    dry_run = False


def plan(context: Context, request: ChangeRequest, prepare: Prepare) -> ChangePlan:
    """Return what a change would do. Raises EnvtoolError where it could not be made."""
    _refuse(request)
    work_out = prepare(packages.read(request.environment))
    with _worked_out(context, request, work_out) as (engine, change):
        trust.note_unknown(engine, change.solution, request.environment.prefix, context.reporter)
    environment = request.environment
    removed, added = (with_channel_names(context, environment, these) for these in (change.removed, change.added))
    return ChangePlan(environment, removed, added)


def carry_out(context: Context, request: ChangeRequest, prepare: Prepare, confirm: Confirm) -> Changed:
    """Make a change, after ``confirm`` has seen both halves of it. Raises EnvtoolError; the old state is back then."""
    _refuse(request)
    environment = request.environment
    with held(environment, request.command, context.reporter) as scratch:
        before = packages.read(environment)
        work_out = prepare(before)
        with _worked_out(context, request, work_out) as (engine, change):
            proposal = Proposal(change.added, change.removed)
            require_confirmation(confirm(proposal), tr("Cancelled: nothing was changed."))
            frame = Frame(environment.prefix, request.command, scratch)
            with changing(frame, engine, change.solution, change.footprint(), context.reporter):
                change.apply(scratch)
    removed, added = _difference(before, packages.read(environment))
    return Changed(
        environment,
        with_channel_names(context, environment, removed),
        with_channel_names(context, environment, added),
    )


def solve(
    context: Context, engine: Engine, to_solve: SolveRequest, environment: Environment, sources: Sources
) -> Solution:
    """Return the engine's solution; an empty one, without asking it, where nothing is asked of the conda half."""
    if not (to_solve.specs or to_solve.remove or to_solve.update or to_solve.archives):
        return Solution(to_solve)
    with alternatives.named(context, to_solve.specs, sources):
        solution = engine.solve(to_solve, environment.prefix, sources, context.reporter)
    explicit_lists.require_python(solution)
    trust.examine(engine, solution, environment.prefix, sources, context.reporter)
    return solution


def _refuse(request: ChangeRequest) -> None:
    guards.refuse_installation(request.environment)
    guards.refuse_own(request.environment)
    guards.refuse_invalid_pins(request.environment)
    guards.refuse_frozen(request.environment, override=request.override_frozen)


@contextmanager
def _worked_out(
    context: Context, request: ChangeRequest, work_out: Callable[[Engine], Change]
) -> Iterator[tuple[Engine, Change]]:
    """Yield the change with the engine that is to make it: another one where the first turns out to be broken."""

    def attempt(choice: EngineChoice) -> tuple[Engine, Change]:
        context.reporter.note(choice.reason)
        opened = engine_selection.opened(
            context, choice, request.command, accept_tos=request.accept_tos, run_scripts=request.run_scripts
        )
        engine = stack.enter_context(opened)
        return engine, work_out(engine)

    with ExitStack() as stack:
        choice = engine_selection.for_existing(context, request.environment)
        try:
            found = attempt(choice)
        except DoesNotStartError as broken:
            found = attempt(engine_selection.instead_of(context, choice, broken))
        yield found


def _difference(before: Contents, after: Contents) -> tuple[tuple[Package, ...], tuple[Package, ...]]:
    """Return the packages that went and those that came: one of the same name and version may be another channel's."""

    def identities(contents: Contents) -> dict[tuple[str, ...], Package]:
        both = (*contents.conda, *contents.pip)
        return {(each.name, each.version, each.build, each.manager, each.url): each for each in both}

    old, new = identities(before), identities(after)
    return (
        tuple(package for key, package in old.items() if key not in new),
        tuple(package for key, package in new.items() if key not in old),
    )
