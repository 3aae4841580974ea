"""Refusal of packages that would write outside the environment, before the library links them."""

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from rattler import RepoDataRecord

from envtool.engines.package_paths import PackagePaths, read
from envtool.engines.rattler_worker.errors import UnsafePackageError
from envtool.engines.rattler_worker.events import emit


class Guard:
    """Looks into every package of a transaction once it is in the cache.

    A link of one package counts for the paths of all others: together they could lead out.
    """

    def __init__(self, records: Sequence[RepoDataRecord], cache: Path, prefix: Path) -> None:
        self._records = {record.name.normalized: record for record in records}
        self._cache, self._prefix = cache, prefix
        self._seen: dict[str, PackagePaths] = {}

    def require_all(self) -> None:
        """Raise UnsafePackageError for a package that is in the cache already and must not be linked."""
        for name in self._records:
            self.require(name)

    def require(self, name: str) -> None:
        """Raise UnsafePackageError where a package must not be linked, alone or beside those seen so far."""
        record = self._records.get(name)
        if record is None or name in self._seen:
            return
        stem = f"{name}-{record.version}-{record.build}"
        if os.path.basename(stem) != stem or "\0" in stem:  # noqa: PTH119
            raise UnsafePackageError(stem, stem)
        paths = PackagePaths()
        for folder in self._cache.glob(f"{glob.escape(stem)}*/info"):
            try:
                paths |= read(folder.parent)
            except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
                raise UnsafePackageError(stem, f"info/paths.json: {error}") from None
        others = {link: target for other in self._seen.values() for link, target in other.links.items()}
        if refused := paths.refused(self._prefix, others):
            raise UnsafePackageError(stem, refused)
        if paths.files:
            self._seen[name] = paths
        if paths.links:
            for other in self._seen:
                if refused := self._seen[other].refused(self._prefix, others | paths.links):
                    raise UnsafePackageError(stem, refused)

    def stop_before(self, name: str) -> None:
        """End this process, after an ``error`` event, where the library is about to link such a package."""
        try:
            self.require(name)
        except UnsafePackageError as error:
            emit(event="error", kind="unsafe", message=str(error), path=error.path)
            os._exit(1)
