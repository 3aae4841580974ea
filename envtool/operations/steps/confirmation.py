"""The question about a change before it is carried out: whether one is needed, and what a refusal leads to."""

from collections.abc import Callable
from dataclasses import dataclass

from envtool.errors import Declined
from envtool.model import Package


@dataclass(frozen=True)
class Proposal:
    """What a change would bring and take away, of both halves."""

    added: tuple[Package, ...] = ()
    removed: tuple[Package, ...] = ()


Confirm = Callable[[Proposal], bool]
"""Return whether the user agrees to a change."""

LARGE = 1_000_000_000  # bytes: more than half an hour on a slow link


def accept(_: Proposal) -> bool:
    """Agree to any change."""
    return True


def needs_confirmation(proposal: Proposal) -> bool:
    """Return whether a change removes or replaces a package, or is very large to download."""
    return bool(proposal.removed) or download_size(proposal) >= LARGE


def download_size(proposal: Proposal) -> int:
    """Return how many bytes a change downloads at most: what the caches hold already counts, too.

    No index says beforehand how large pip's packages are.
    """
    return sum(package.size or 0 for package in proposal.added)


def require_confirmation(agreed: bool, message: str) -> None:
    """Raise Declined with the message where the user did not agree."""
    if not agreed:
        raise Declined(message)
