"""How far a program of conda's family is with its downloads: it does not say, so the files it writes are looked at."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from envtool.engines import package_cache
from envtool.model import Package
from envtool.reporter import Bar
from envtool.words import tr

_PAUSE = 0.2  # seconds between two looks


@contextmanager
def watched(packages: Sequence[Package], caches: Sequence[Path], bar: Bar) -> Iterator[None]:
    """Show on ``bar``, while the block runs, how many bytes have come of those packages that are in no cache yet."""
    missing = [package for package in packages if not any(package_cache.holds(cache, package) for cache in caches)]
    coming = {package.url.rpartition("/")[2]: package.size for package in missing if package.size}
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


def _watch(coming: Mapping[str, int], caches: Sequence[Path], bar: Bar, ended: threading.Event) -> None:
    total = sum(coming.values())
    while not ended.wait(_PAUSE):
        done = sum(min(size, _received(caches, file)) for file, size in coming.items())
        if done < total:
            bar.update(done, total, label=tr("Fetching"), unit="bytes")
        else:
            bar.update(0)
            return


def _received(caches: Sequence[Path], file: str) -> int:
    """Return the bytes of an archive that are there: whole, or under the name it has while it comes."""
    found = 0
    for cache in caches:
        for name in (file, f"{file}.partial", f"{file}.part"):  # conda's ending and mamba's
            with suppress(OSError):
                found = max(found, (cache / name).stat().st_size)
    return found
