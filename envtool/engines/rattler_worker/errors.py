"""Errors that the worker raises itself, besides those of the library."""


class ChannelError(Exception):
    """A channel cannot be read at any of its URLs; ``causes`` maps each URL to the reason."""

    def __init__(self, name: str, causes: dict[str, str]) -> None:
        super().__init__(name)
        self.name, self.causes = name, causes


class OfflineError(Exception):
    """Packages are not in the cache in an offline run. The message lists their files."""


class StalledError(Exception):
    """Nothing was received, written or computed for too long."""


class ArchiveError(Exception):
    """The archive at a URL cannot be fetched or read, or is not the one that its hash stands for."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(reason)
        self.url, self.reason = url, reason


class UnsafePackageError(Exception):
    """A package must not be linked: one of its paths leads out of the environment, or is envtool's own."""

    def __init__(self, package: str, path: str) -> None:
        super().__init__(package)
        self.path = path


class SizeError(Exception):
    """A package of another size than its record says was received."""


class UnavailableError(Exception):
    """No solution, for want of packages: ``specs`` maps those that nothing matches to the versions that there are."""

    def __init__(self, reason: str, specs: dict[str, list[str]]) -> None:
        super().__init__(reason)
        self.specs = specs
