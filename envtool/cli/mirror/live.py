"""Results of mirror tests: as rows of a table, and drawn on a terminal as they arrive."""

from contextlib import contextmanager
from typing import TYPE_CHECKING

from envtool.cli.formatting import NOTHING, age
from envtool.cli.output import out
from envtool.i18n import tr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from envtool.mirrors.probe import MirrorHealth

COLUMNS = ("MIRROR", "FOR", "STATUS", "LATENCY", "SPEED", "BEHIND", "DETAIL")


def rows(results: "Sequence[MirrorHealth]") -> list[tuple[str, ...]]:
    """Return the cells of each result."""
    return [
        (
            result.mirror,
            result.purpose,
            tr("stale") if result.status == "ok" and result.stale else result.status,
            latency(result),
            rate(result),
            age(result.behind) if result.behind is not None else NOTHING,
            _detail(result) or NOTHING,
        )
        for result in results
    ]


def _detail(result: "MirrorHealth") -> str:
    only = tr("{family} only", family=result.only) if result.only else ""
    return ", ".join(filter(None, (result.detail, only)))


def latency(result: "MirrorHealth") -> str:
    """Return how long a mirror took to answer, for people."""
    return NOTHING if result.latency is None else f"{1000 * result.latency:.0f} ms"


def rate(result: "MirrorHealth") -> str:
    """Return how fast a mirror sends, for people."""
    return f"{result.rate / 1e6:.1f} MB/s" if result.rate else NOTHING


@contextmanager
def live() -> "Iterator[Callable[[MirrorHealth], None]]":
    """Yield what draws each result on a terminal as it arrives; all of it is gone in the end."""
    if out.json or out.quiet or not out.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.live import Live
    from rich.table import Table

    from envtool.mirrors.probe import ranked

    found: list[MirrorHealth] = []
    with Live(console=Console(file=out.stderr), transient=True) as drawing:

        def seen(result: "MirrorHealth") -> None:
            found.append(result)
            drawn = Table(*COLUMNS, box=None)
            for row in rows(ranked(found)):
                drawn.add_row(*row)
            drawing.update(drawn)

        yield seen
