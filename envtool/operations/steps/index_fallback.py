"""Retry pip packages with another replica where the configured index is down, refuses, or lacks a package.

Only a public index is ever replaced, by another copy of the same packages. A private one fails as it fails: what it
holds may not be looked for anywhere else. Indexes beside it stay in use.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.model import PipSources
from envtool.operations.context import Context
from envtool.operations.steps.package_sources import REPLICAS
from envtool.redaction import redact

_REFUSALS = ("401 Unauthorized", "403 Forbidden", "429 Too Many", "451 Unavailable")

T = TypeVar("T")


def attempt(
    context: Context, sources: PipSources, action: Callable[[PipSources], T], *, offline: bool = False
) -> tuple[T, PipSources]:
    """Return the result of ``action`` and the sources that gave it: the configured ones, or a replica's.

    A replica is reported and nothing is written. Raises the first failure where all fail.
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
        context.reporter.note(_taken_instead(sources.index, index))
        return result, replace(sources, index=index)
    raise first


def _others(context: Context, sources: PipSources, failure: EnvtoolError) -> tuple[str | None, ...]:
    """Return the indexes to try after a failure; none where they would fail the same way."""
    from envtool.mirrors import fallbacks

    found = fallbacks.other_indexes(context.catalogue, sources.index)[:REPLICAS]
    answered = failure.code != ExitCode.NETWORK and not any(word in failure.message for word in _REFUSALS)
    # What upstream lacks, its mirrors lack, too; what a mirror lacks, upstream may have.
    return () if answered and None not in found else found


def _taken_instead(failed: str | None, other: str | None) -> str:
    if not failed:
        return tr(
            "The default index could not provide the pip packages; using {other} for this run.",
            other=redact(other or ""),
        )
    if not other:
        return tr(
            "{failed} could not provide the pip packages; using the default index for this run.", failed=redact(failed)
        )
    return tr(
        "{failed} could not provide the pip packages; using {other} for this run.",
        failed=redact(failed),
        other=redact(other),
    )
