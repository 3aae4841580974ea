"""Errors that several engines raise."""

from envtool.engines.protocol import UnsatisfiableError
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr


def unsatisfiable(reason: str) -> UnsatisfiableError:
    """Return the error for a request that no set of packages satisfies; ``reason`` is the solver's explanation."""
    return UnsatisfiableError(
        tr("No set of packages satisfies the request: {reason}", reason=reason),
        hint=tr("Check the names, relax a version, or add a channel with -c."),
    )


def not_cached(files: str) -> EnvtoolError:
    """Return the error (NETWORK) for archives, separated by commas, that an offline run does not find in the cache."""
    return EnvtoolError(
        tr("Offline: not in the package cache: {files}.", files=files),
        hint=tr("Omit --offline (or `offline: true` in .condarc), or request packages that are in the cache."),
        code=ExitCode.NETWORK,
    )


def unsafe_package(package: str, path: str) -> EnvtoolError:
    """Return the error for a package that must not be linked because of a path in it."""
    return EnvtoolError(
        tr(
            "{package} was refused: its path {path!r} leads out of the environment, or is reserved.",
            package=package,
            path=path,
        ),
        hint=tr("Nothing of it was linked. Take the package from another channel, and tell those who built it."),
        code=ExitCode.BAD_INPUT,
    )
