"""``envtool mirror run``: one command under a mirror, by variables, with nobody's settings edited."""

from typing import NoReturn

from envtool.clients import CLIENTS, client
from envtool.errors import EnvtoolError, ExitCode
from envtool.files import write_atomically
from envtool.i18n import tr
from envtool.mirrors import endpoints, url_matching
from envtool.operations.context import Context
from envtool.process import Command, hand_over


def run(context: Context, mirror: str, argv: tuple[str, ...]) -> NoReturn:
    """Replace this process by a command that uses a mirror. Raises EnvtoolError where it cannot be started."""
    if not argv:
        raise EnvtoolError(
            tr("No command was given."),
            hint=tr("For example: envtool mirror run {mirror} -- pip download numpy", mirror=mirror),
            code=ExitCode.USAGE,
        )
    hand_over(Command(argv, env=variables(context, mirror)))


def variables(context: Context, mirror: str) -> dict[str, str | None]:
    """Return the variables under which the clients use a mirror, and write the files that they name.

    A private index stays in force.
    """
    known = context.catalogue
    target = endpoints.of_mirror(known, endpoints.mirror_meant(known, mirror))
    sites = url_matching.UrlMatcher(known)
    found: dict[str, str | None] = {}
    for name in CLIENTS:
        if for_run := client(name).for_run:
            settings = for_run(context.host, target, sites)
            for path, text in settings.files.items():
                write_atomically(path, text.encode())
            for note in settings.notes:
                context.reporter.note(note)
            found |= settings.variables
    return found
