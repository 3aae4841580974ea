"""Files that must not be lost: input decoded as it was written, and writes that happen whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path

from envtool.encoding import decode_input
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr


def read_input(path: Path) -> str:
    """Return the text of a file that the user named. Raises EnvtoolError (BAD_INPUT) where it cannot be read."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise EnvtoolError(
            tr("The file {path} does not exist.", path=path),
            hint=tr("Check the path; it is relative to the current folder."),
            code=ExitCode.BAD_INPUT,
        ) from None
    except OSError as error:
        raise EnvtoolError(
            tr("The file {path} could not be read: {reason}.", path=path, reason=error.strerror),
            code=ExitCode.BAD_INPUT,
        ) from None
    return input_text(data, path)


def input_text(data: bytes, name: object) -> str:
    """Return the text of input that messages call ``name``. Raises EnvtoolError (BAD_INPUT) where it is not text."""
    try:
        return decode_input(data)
    except UnicodeDecodeError as error:
        raise EnvtoolError(
            tr("{name} is not text: byte {position} is neither UTF-8 nor UTF-16.", name=name, position=error.start),
            hint=tr("Save it as UTF-8 and try again."),
            code=ExitCode.BAD_INPUT,
        ) from None


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to disk, so that new and renamed files survive a power cut. No-op on Windows."""
    if os.name == "nt":  # pragma: no cover - Windows cannot open a folder
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:
        pass  # some network file systems do not support it
    finally:
        os.close(handle)


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file's content: readers see the old bytes or the new ones, never a mixture, also after a power cut.

    A symbolic link is followed (dotfiles are often kept elsewhere), the mode of an existing file is kept, and missing
    folders are created.
    """
    import tempfile

    target = path.resolve() if path.is_symlink() else path
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".envtool")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(target.stat().st_mode & 0o7777 if target.exists() else 0o666 & ~_umask())
        temporary.replace(target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(target.parent)


def _umask() -> int:
    # The only way to read it is to set it.
    mask = os.umask(0)
    os.umask(mask)
    return mask
