"""The question about a solution before it is carried out: whether one is needed, and what a refusal leads to."""

from collections.abc import Callable

from envtool.engines.protocol import Solution
from envtool.errors import Declined

Confirm = Callable[[Solution], bool]
"""Return whether the user agrees to a solution."""

LARGE = 1_000_000_000  # bytes: more than half an hour on a slow link


def accept(_: Solution) -> bool:
    """Agree to any solution."""
    return True


def needs_confirmation(solution: Solution) -> bool:
    """Return whether a solution removes a package for good, or is very large to download."""
    linked = {package.name for package in solution.link}
    return download_size(solution) >= LARGE or any(package.name not in linked for package in solution.unlink)


def download_size(solution: Solution) -> int:
    """Return how many bytes a solution downloads at most: what the caches hold already counts, too."""
    return sum(package.size or 0 for package in solution.link)


def require_confirmation(agreed: bool, message: str) -> None:
    """Raise Declined with the message where the user did not agree."""
    if not agreed:
        raise Declined(message)
