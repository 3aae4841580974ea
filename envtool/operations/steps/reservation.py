"""The place of a new environment: reserved before the first file, given back where anything fails."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from envtool.i18n import tr
from envtool.operations.steps.leftovers import discard
from envtool.operations.steps.location import refuse_existing
from envtool.operations.steps.prefix_lock import holding
from envtool.prefix.marks import intent_of, mark_begun
from envtool.reporter import Reporter


@contextmanager
def reserved(
    prefix: Path, name: str, command: str, reporter: Reporter, unregister: Callable[[Path, Reporter], None]
) -> Iterator[Path]:
    """Reserve ``prefix`` for a new environment and yield a scratch folder; whatever is raised inside, nothing stays.

    An intent record beside the prefix is written first: where this process is killed, the next one knows what to
    remove. ``unregister`` takes the prefix out of the lists that the engine keeps.
    """
    with holding(prefix, command, reporter) as scratch:
        refuse_existing(prefix, name)
        intent = intent_of(prefix)
        mark_begun(prefix, command)
        try:
            prefix.mkdir()
        except OSError:
            # Somebody else was faster, or the folder is closed to us: nothing here is ours to remove.
            intent.unlink(missing_ok=True)
            refuse_existing(prefix, name)
            raise
        try:
            yield scratch
        except BaseException:
            discard(prefix)
            unregister(prefix, reporter)
            intent.unlink(missing_ok=True)
            if not prefix.exists():
                reporter.note(tr("Removed the unfinished {prefix}.", prefix=prefix))
            raise
        intent.unlink()
