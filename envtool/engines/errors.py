"""Errors that several engines raise."""

from collections.abc import Mapping, Sequence

from envtool.engines.protocol import UnsatisfiableError
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr


def unsatisfiable(reason: str, unavailable: Mapping[str, Sequence[str]] | None = None) -> UnsatisfiableError:
    """Return the error for a request that no set of packages satisfies; ``reason`` is the solver's explanation.

    ``unavailable`` maps each spec that nothing matches to the versions that there are. All of them are named.
    """
    if not unavailable:
        return UnsatisfiableError(
            tr("No set of packages satisfies the request: {reason}", reason=reason),
            hint=tr("Check the names, relax a version, or add a channel with -c."),
        )
    unknown = [spec for spec, versions in unavailable.items() if not versions]
    sentences = [tr("No channel in use has {names}.", names=", ".join(unknown))] if unknown else []
    sentences += [
        tr("No channel in use has {spec}; available: {versions}.", spec=spec, versions=", ".join(versions))
        for spec, versions in unavailable.items()
        if versions
    ]
    return UnsatisfiableError(
        tr("No set of packages satisfies the request:\n  {reasons}", reasons="\n  ".join(sentences)),
        hint=tr("Check the names, relax a version, or add a channel with -c."),
        unavailable=unavailable,
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
