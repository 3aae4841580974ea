"""Package indexes and wheels, on the network or on disk; of a remote wheel only the parts that are needed."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING

from envtool import index_page
from envtool.files import read_text
from envtool.gpu.wheels import Wheel
from envtool.http.client import HttpClient
from envtool.http.errors import RequestError
from envtool.i18n import tr
from envtool.index_page import File, local_path

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BUFFER = 65536  # bytes fetched at once from a wheel: its table of contents in one request


class IndexClient:
    """Reads indexes through an HTTP client; folders and ``file:`` URLs work, too. Methods raise RequestError."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    def files(self, url: str) -> tuple[File, ...]:
        """Return the files that a page or a folder offers. Raises ValueError where a page cannot be parsed."""
        if (path := local_path(url)) is not None:
            return _local_files(path)
        page = self._client.get(url, accept=index_page.ACCEPT)
        return index_page.parse(page.text, page.content_type, page.url)

    def metadata(self, wheel: Wheel) -> str:
        """Return a wheel's METADATA: the copy beside it, else read out of the wheel."""
        if (path := local_path(wheel.url)) is not None:
            return _metadata_in(lambda: path.open("rb"))
        if wheel.has_metadata:
            try:
                return self._client.get(wheel.url + ".metadata").text
            except RequestError:
                pass  # announced but absent
        return _metadata_in(lambda: io.BufferedReader(_RemoteFile(self._client, wheel.url), _BUFFER))

    def size(self, wheel: Wheel) -> int | None:
        """Return a wheel's size in bytes, or None where it cannot be found out."""
        if wheel.size is not None:
            return wheel.size
        try:
            path = local_path(wheel.url)
            return path.stat().st_size if path is not None else self._client.part(wheel.url, 0, 0)[1]
        except (RequestError, OSError):
            return None

    def exists(self, url: str) -> bool:
        """Return whether a file or page is there, without fetching it."""
        path = local_path(url)
        return self._client.exists(url) if path is None else path.is_file()


class _RemoteFile(io.RawIOBase):
    """A file on a server, read in parts."""

    def __init__(self, client: HttpClient, url: str) -> None:
        self._client, self._url, self._position = client, url, 0
        self._size = client.part(url, 0, 0)[1]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        return self._position

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer)
        end = min(self._position + len(view), self._size)
        if end <= self._position:
            return 0
        data, _ = self._client.part(self._url, self._position, end - 1)
        view[: len(data)] = data
        self._position += len(data)
        return len(data)


def _local_files(path: Path) -> tuple[File, ...]:
    """Return the files that a local page offers; of a folder those of its index.html, else what lies in it."""
    try:
        if path.is_dir() and (path / "index.html").is_file():
            path = path / "index.html"
        if path.is_file():
            return index_page.parse(read_text(path), "text/html", path.absolute().as_uri())
        return tuple(File(item.name, item.absolute().as_uri()) for item in sorted(path.iterdir()) if item.is_file())
    except FileNotFoundError:
        raise RequestError("missing", tr("the file does not exist")) from None
    except OSError as error:
        raise RequestError("connection", error.strerror or str(error)) from None


def _metadata_in(opened: Callable[[], IO[bytes]]) -> str:
    try:
        with opened() as file, zipfile.ZipFile(file) as archive:
            name = next(item for item in archive.namelist() if item.endswith(".dist-info/METADATA"))
            return archive.read(name).decode("utf-8", "replace")
    except (zipfile.BadZipFile, StopIteration, OSError) as error:
        raise RequestError("truncated", tr("the wheel cannot be read: {reason}", reason=error)) from None
