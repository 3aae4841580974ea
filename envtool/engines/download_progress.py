"""The progress of conda's and mamba's downloads, from the sizes of the files in their package caches.

With --json these programs report no progress.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from envtool.engines import package_cache
from envtool.i18n import tr
from envtool.model import Package
from envtool.reporter import Bar

_INTERVAL = 0.2  # seconds between two readings


@contextmanager
def show_downloads(packages: Sequence[Package], caches: Sequence[Path], bar: Bar) -> Iterator[None]:
    """Show on ``bar``, while the block runs, how many bytes have arrived of the packages that are in no cache yet."""
    missing = [package for package in packages if not any(package_cache.holds(cache, package) for cache in caches)]
    expected = [package for package in missing if package.size]
    ended = threading.Event()
    watcher = threading.Thread(target=_watch, args=(expected, caches, bar, ended), daemon=True)
    if expected:
        watcher.start()
    try:
        yield
    finally:
        ended.set()
        if expected:
            watcher.join()


def _watch(expected: Sequence[Package], caches: Sequence[Path], bar: Bar, ended: threading.Event) -> None:
    total = sum(package.size or 0 for package in expected)
    while not ended.wait(_INTERVAL):
        done = sum(min(package.size or 0, _received(caches, package)) for package in expected)
        if done < total:
            bar.update(done, total, label=tr("Fetching"), unit="bytes")
        else:
            bar.update(0)
            return


def _received(caches: Sequence[Path], package: Package) -> int:
    """Return how many bytes of an archive are in a cache, complete or partial."""
    file = package.url.rpartition("/")[2]
    size = 0
    for folder in (folder for cache in caches for folder in package_cache.folders(cache, package)):
        for name in (file, f"{file}.partial", f"{file}.part"):  # the suffixes of conda and of mamba
            with suppress(OSError):
                size = max(size, (folder / name).stat().st_size)
    return size
