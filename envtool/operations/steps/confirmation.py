"""Whether a solution is put to the user before it is carried out."""

from envtool.engines.protocol import Solution

LARGE = 1_000_000_000  # bytes: more than half an hour on a slow link


def needs_confirmation(solution: Solution) -> bool:
    """Return whether a solution removes a package for good, or is very large to download."""
    linked = {package.name for package in solution.link}
    return download_size(solution) >= LARGE or any(package.name not in linked for package in solution.unlink)


def download_size(solution: Solution) -> int:
    """Return how many bytes a solution downloads at most: what the caches hold already counts, too."""
    return sum(package.size or 0 for package in solution.link)
