"""The pip half from another replica where the configured index is down, refuses, or lacks what is wanted.

Only a public index is ever replaced, by another copy of the same packages; a private one fails as it fails, since what
it holds may not be looked for anywhere else. Indexes beside it stay in force.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.mirrors import fallbacks
from envtool.model import PipSources
from envtool.operations.context import Context
from envtool.redaction import redact

REPLICAS = 3  # where this many other operators fail, too, it is our own connection
_REFUSALS = ("401 Unauthorized", "403 Forbidden", "429 Too Many", "451 Unavailable")

T = TypeVar("T")


def attempt(
    context: Context, sources: PipSources, action: Callable[[PipSources], T], *, offline: bool = False
) -> tuple[T, PipSources]:
    """Return what ``action`` comes to and the sources it came from: the configured ones, or a replica's.

    Which one it is, where it is not the configured one, is said once; nothing is written. Raises the first failure
    where all fail.
    """
    try:
        return action(sources), sources
    except EnvtoolError as error:
        first = error
    for index in () if offline or sources.no_index else _others(context, sources, first):
        try:
            result = action(replace(sources, index=index))
        except EnvtoolError:
            continue
        context.reporter.note(
            tr(
                "{failed} did not give the pip packages; they come from {other} this time.",
                failed=_name(sources.index),
                other=_name(index),
            )
        )
        return result, replace(sources, index=index)
    raise first


def _others(context: Context, sources: PipSources, failure: EnvtoolError) -> tuple[str | None, ...]:
    """Return where to look after a failure; nowhere where looking elsewhere would find the same."""
    found = fallbacks.other_indexes(context.catalogue, sources.index)[:REPLICAS]
    reached = failure.code != ExitCode.NETWORK and not any(word in failure.message for word in _REFUSALS)
    # what upstream lacks its mirrors lack, too; what a mirror lacks upstream may have
    return () if reached and None not in found else found


def _name(index: str | None) -> str:
    return redact(index) if index else tr("the default index")
