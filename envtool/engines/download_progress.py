"""How far a program of conda's family is with its downloads: it does not say, so the files it writes are looked at."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from envtool.engines import package_cache
from envtool.i18n import tr
from envtool.model import Package
from envtool.reporter import Bar

_PAUSE = 0.2  # seconds between two looks


@contextmanager
def watched(packages: Sequence[Package], caches: Sequence[Path], bar: Bar) -> Iterator[None]:
    """Show on ``bar``, while the block runs, how many bytes have come of those packages that are in no cache yet."""
    missing = [package for package in packages if not any(package_cache.holds(cache, package) for cache in caches)]
    coming = [package for package in missing if package.size]
    ended = threading.Event()
    watch = threading.Thread(target=_watch, args=(coming, caches, bar, ended), daemon=True)
    if coming:
        watch.start()
    try:
        yield
    finally:
        ended.set()
        if coming:
            watch.join()


def _watch(coming: Sequence[Package], caches: Sequence[Path], bar: Bar, ended: threading.Event) -> None:
    total = sum(package.size or 0 for package in coming)
    while not ended.wait(_PAUSE):
        done = sum(min(package.size or 0, _received(caches, package)) for package in coming)
        if done < total:
            bar.update(done, total, label=tr("Fetching"), unit="bytes")
        else:
            bar.update(0)
            return


def _received(caches: Sequence[Path], package: Package) -> int:
    """Return the bytes of an archive that are there: whole, or under the name it has while it comes."""
    file = package.url.rpartition("/")[2]
    found = 0
    for folder in (folder for cache in caches for folder in package_cache.folders(cache, package)):
        for name in (file, f"{file}.partial", f"{file}.part"):  # conda's ending and mamba's
            with suppress(OSError):
                found = max(found, (folder / name).stat().st_size)
    return found
