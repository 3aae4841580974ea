"""Access to channels: the library's HTTP client and gateway, and a time limit for requests that stall."""

import asyncio
import contextlib
import hashlib
import json
import time
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any

from rattler import Client, Config, Gateway, SourceConfig

from envtool.engines.rattler_worker.errors import StalledError

Json = dict[str, Any]

MAX_RETRIES = 2


def gateway(request: Json, mirrors: dict[str, str], *, uncompressed: bool = False) -> Gateway:
    """Return the reader of channel indexes. ``mirrors`` maps the URL of a channel to the URL it is read from.

    With ``uncompressed`` it reads the plain index only, as it does after a request has set that key.
    """
    uncompressed = uncompressed or request.get("uncompressed", False)
    config = SourceConfig(
        zstd_enabled=not uncompressed,
        bz2_enabled=False,
        sharded_enabled=not uncompressed,
        cache_action="force-cache-only" if request["offline"] else "cache-or-fetch",
    )
    redirected = _redirected(mirrors)
    # The library caches an index under the URL of the channel, wherever it was read. Each set of mirrors therefore has
    # a folder of its own.
    digest = hashlib.sha256(repr(redirected).encode()).hexdigest()[:16]
    cache = Path(request["cache"], f"repodata-{digest}" if redirected else "repodata")
    _make_private(cache)
    return Gateway(cache_dir=cache, default_config=config, client=client(request, mirrors))


def _make_private(folder: Path) -> None:
    """Make a folder that only this account can read: cached indexes hold the URLs of channels, with their logins."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if folder.stat().st_mode & 0o077:
        folder.chmod(0o700)


def client(request: Json, mirrors: dict[str, str]) -> Client:
    """Return an HTTP client that reads from ``mirrors``. Records keep the URLs of the channels."""
    lines = [f"tls-no-verify = {'true' if request['insecure'] else 'false'}", 'tls-root-certs = "system"']
    lines += ["[proxy-config]", *(f"{key} = {json.dumps(value)}" for key, value in request["proxies"].items())]
    lines += ["[mirrors]", *(f"{json.dumps(old)} = [{json.dumps(new)}]" for old, new in _redirected(mirrors).items())]
    config = Config.from_toml("\n".join(lines), shared=True)
    return Client.from_config(config, max_retries=MAX_RETRIES, user_agent=request["user_agent"])


def _redirected(mirrors: dict[str, str]) -> dict[str, str]:
    return {url: mirror for url, mirror in mirrors.items() if url != mirror}


async def unless_stalled(request: Json, work: Awaitable[Any], files: Sequence[str] = ()) -> Any:
    """Return the result of ``work``. Raises StalledError after ``request["stall"]`` seconds without progress.

    ``files`` are named in the error. The library only limits the duration of a whole request, which would abort long
    downloads over slow connections. Progress is measured by processor time, which receiving data also takes, and by
    the size of the cached indexes.
    """
    task = asyncio.ensure_future(work)
    last, since = None, time.monotonic()
    while not task.done():
        await asyncio.wait([task], timeout=1.0)
        state = round(time.process_time(), 1), _index_bytes(Path(request["cache"]))
        if state != last:
            last, since = state, time.monotonic()
        elif time.monotonic() - since > request["stall"]:
            task.cancel()
            message = f"nothing was received for {request['stall']:.0f} seconds"
            raise StalledError(f"{message}; still missing: {', '.join(files)}" if files else message)
    return task.result()


def _index_bytes(cache: Path) -> int:
    """Return the size in bytes of all cached indexes, including incomplete ones."""
    try:
        return sum(path.stat().st_size for path in cache.glob("repodata*/*"))
    except OSError:
        return 0
