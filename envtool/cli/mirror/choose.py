"""Choice of a mirror on a terminal: the tested ones in a list, moved through with the arrow keys."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from envtool.cli.mirror.live import latency, live, rate
from envtool.cli.output import out
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.operations.context import Context

if TYPE_CHECKING:
    from envtool.mirrors.probe import MirrorHealth


def chosen(context: Context, clients: Sequence[str]) -> str:
    """Test the mirrors for these clients and return the one that is chosen among those that work, best first.

    Raises EnvtoolError (USAGE) where nobody can be asked, and (NETWORK) where no mirror works.
    """
    from envtool.operations.mirror import test

    if not out.can_ask:
        raise EnvtoolError(
            tr("No mirror was named."),
            hint=tr("`envtool mirror set auto` takes the best by test; `envtool mirror list` lists all."),
            code=ExitCode.USAGE,
        )
    with live() as seen:
        results = test.run(context, test.trial(context, clients), seen)
    names = test.working(results, test.purposes_of(clients))
    return _asked({name: _described(name, [r for r in results if r.mirror == name]) for name in names})


def _described(name: str, results: "Sequence[MirrorHealth]") -> str:
    figures = (f"{result.purpose} {latency(result)}, {rate(result)}" for result in results)
    return f"{name:<12}  {'; '.join(figures)}"


def _asked(titles: dict[str, str]) -> str:
    import questionary
    from prompt_toolkit.output import create_output

    choices = [questionary.Choice(title, value=name) for name, title in titles.items()]
    question = questionary.select(
        tr("Switch to:"),
        choices,
        instruction=tr("(arrow keys, Enter; Ctrl-C cancels)"),
        output=create_output(stdout=sys.stderr),
    )
    answer: str = question.unsafe_ask()  # Ctrl-C is passed on
    return answer
