"""The scope that ``--scope``, ``-n`` and ``-p`` of ``mirror`` and ``channel`` mean: whose settings are edited."""

from pathlib import Path

from envtool.clients.protocol import Scope
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.operations.context import Context
from envtool.operations.steps.guards import refuse_frozen
from envtool.operations.steps.target import target

SCOPES = ("user", "env", "site", "system")


def from_options(
    context: Context,
    word: str = "user",
    name: str = "",
    prefix: Path | None = None,
    *,
    override_frozen: bool = False,
) -> Scope:
    """Return the scope that the options mean, whose settings are to be edited. Raises EnvtoolError."""
    if name or prefix or word == "env":
        environment = target(context, name, prefix)
        refuse_frozen(environment, override=override_frozen)
        return Scope("env", prefix=environment.prefix)
    if word == "site":
        if context.root is None:
            raise EnvtoolError(
                tr("No conda installation was found, so there are no site settings."),
                hint=tr("Use --scope user or --scope system."),
                code=ExitCode.MISSING,
            )
        return Scope("site", root=context.root)
    if word == "system":
        return Scope("system")
    if word != "user":
        raise EnvtoolError(
            tr("There is no scope {name}.", name=repr(word)),
            hint=tr("Scopes: {names}.", names=", ".join(SCOPES)),
            code=ExitCode.USAGE,
        )
    return Scope("user")
