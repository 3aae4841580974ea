"""Edits of configuration files: all of them or none, recorded before they are made, undone byte for byte.

An entry holds what changed (old and new bytes of the changed stretch, and hashes of the whole), never a whole file: a
configuration file may hold a password a few lines below the changed ones. Logins are removed from what is kept to show
a diff later.
"""

import base64
import difflib
import hashlib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from envtool import versioned_json
from envtool.errors import EnvtoolError
from envtool.file_lock import locked
from envtool.files import read_file, sync_folder, write_atomically
from envtool.i18n import tr
from envtool.model import FileEdit
from envtool.paths import Host
from envtool.redaction import redact
from envtool.versioned_json import Json

_LOGIN = re.compile(r"[^\s/'\"@:]+:[^\s/'\"@]+@")  # also without a scheme, as in a half-written proxy setting
_BEGUN, _DONE = ".begun", ".json"
_TEMPORARY = ".*.envtool"  # as write_atomically names its files
_WAIT = 10.0  # seconds to wait for another envtool that is writing


@dataclass(frozen=True)
class Entry:
    """One set of edits as it was carried out: what for, when (seconds since 1970), which files."""

    name: str
    purpose: str
    title: str
    when: float
    paths: tuple[Path, ...]


def apply(
    host: Host, purpose: str, title: str, edits: Sequence[FileEdit], step: Callable[[int], None] | None = None
) -> None:
    """Carry out edits, all of them or none, so that :func:`undo` can revert them.

    ``purpose`` names the command that may undo them, ``title`` says what they are. ``step`` is called before each
    write. Raises EnvtoolError where a file is no longer what the edit was made for; nothing is changed then.
    """
    with _held(host, title):
        _recover(host)
        for edit in edits:
            if _read(edit.path) != edit.before:
                raise EnvtoolError(
                    tr("{path} was changed by another program in the meantime; nothing was written.", path=edit.path),
                    hint=tr("Try again."),
                )
        path = _folder(host) / f"{time.time_ns():020d}{_BEGUN}"
        record: Json = {
            "purpose": purpose,
            "title": title,
            "when": time.time(),
            "edits": [_described(edit) for edit in edits],
        }
        versioned_json.write(path, record)
        try:
            for index, edit in enumerate(edits):
                if step:
                    step(index)
                _write(edit.path, edit.after)
            if lost := [str(edit.path) for edit in edits if _read(edit.path) != edit.after]:
                raise EnvtoolError(
                    tr("Not written, because another program writes them, too: {paths}", paths=", ".join(lost)),
                    hint=tr("Stop that program, then try again."),
                )
        except BaseException:
            _take_back(record)
            path.unlink()
            raise
        # not synced: an entry that looks begun although all its files are written counts as done
        path.rename(path.with_suffix(_DONE))


def recover(host: Host) -> tuple[str, ...]:
    """Revert what a killed command left half-written, and return what was done, a sentence for each."""
    folder = _folder(host)
    if not (any(folder.glob(f"*{_BEGUN}")) or any(folder.glob(_TEMPORARY))):
        return ()
    with _held(host, "undo"):
        return _recover(host)


def last(host: Host, purpose: str = "") -> Entry | None:
    """Return the newest set of edits that can be undone, by default for any purpose, or None.

    Raises NewerVersionError.
    """
    return next((entry for entry, _, _ in _undoable(host, purpose)), None)


def undo(host: Host, purpose: str = "", *, expected: Entry | None = None) -> Entry | None:
    """Restore the bytes from before the newest set of edits, or return None where there is none.

    ``expected`` is the one that was shown: where another one is the newest by now, EnvtoolError is raised.

    Raises EnvtoolError with a diff where a file was changed since, and NewerVersionError; nothing is restored then.
    Raises EnvtoolError, too, where a file does not have its former bytes afterwards.
    """
    with _held(host, "undo"):
        _recover(host)
        for entry, path, record in _undoable(host, purpose):
            if expected and entry.name != expected.name:
                raise EnvtoolError(
                    tr("Nothing was undone: `{title}` was run in the meantime.", title=entry.title),
                    hint=tr("`envtool undo --dry-run` shows what would be undone now."),
                )
            _require_unchanged(record)
            begun = path.with_suffix(_BEGUN)
            path.rename(begun)
            sync_folder(begun.parent)
            _take_back(record)
            if wrong := [
                edit["path"] for edit in record["edits"] if _hash(_read(Path(edit["path"]))) != edit["before"]
            ]:
                raise EnvtoolError(
                    tr("Not restored, because they were changed meanwhile: {paths}", paths=", ".join(wrong)),
                    hint=tr("Stop the program that writes them, then try again."),
                )
            begun.unlink()
            return entry
    return None


def preview(host: Host, purpose: str = "") -> tuple[FileEdit, ...]:
    """Return what :func:`undo` would write, without writing. Raises as it does where a file was changed since."""
    for _, _, record in _undoable(host, purpose):
        _require_unchanged(record)
        return tuple(
            FileEdit(Path(edit["path"]), _read(Path(edit["path"])), _restored(edit)) for edit in record["edits"]
        )
    return ()


class OldFile(NamedTuple):
    """A file from before it was edited: whether there was one, and its bytes."""

    existed: bool
    data: bytes


def original(host: Host, purpose: str, path: Path, *, until: str = "") -> OldFile | None:
    """Return a file as it was before all sets of edits of a purpose.

    Sets whose title begins with ``until``, and older ones, do not count. None where no set changed the file, or where
    its former bytes can no longer be told.
    """
    found = None
    for _, _, record in _undoable(host, purpose):
        if until and str(record["title"]).startswith(until):
            break
        for edit in record["edits"]:
            if edit["path"] == str(path):
                after = edit["shown"].encode()
                if _hash(after) != edit["after"]:
                    return None
                existed = bool(edit["existed"])
                found = OldFile(existed, _reverted(after, edit) if existed else b"")
    return found


def lines_written(host: Host, purpose: str) -> Iterator[str]:
    """Yield every line that sets of edits of a purpose wrote, as far as these are known, newest set first."""
    for _, _, record in _undoable(host, purpose):
        for edit in record["edits"]:
            after = edit["shown"].encode()
            if _hash(after) == edit["after"]:
                for start, _, length in edit["hunks"]:
                    first = after.rfind(b"\n", 0, start) + 1
                    last = after.find(b"\n", start + length)
                    yield from after[first : last if last >= 0 else None].decode("utf-8", "replace").splitlines()


# -- one edit and its record


def _described(edit: FileEdit) -> Json:
    hunks = list(_hunks(edit.before or b"", edit.after or b""))
    if any(_has_login(old) or _has_login(new) for _, old, new in hunks):
        raise EnvtoolError(
            tr("{path} was not changed: the lines to change hold a login, which must not be copied.", path=edit.path),
            hint=tr("Move the login to ~/.netrc, or change these lines by hand."),
        )
    return {
        "path": str(edit.path),
        "existed": edit.before is not None,
        "before": _hash(edit.before),
        "after": _hash(edit.after),
        "hunks": [[start, base64.b64encode(old).decode(), len(new)] for start, old, new in hunks],
        "folders": [str(folder) for folder in reversed(edit.path.parents) if not folder.exists()],
        "shown": _shown(edit.after),
    }


def _hunks(before: bytes, after: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield (offset in ``after``, old bytes, new bytes) of every stretch that differs, as small as lines allow."""
    old_lines, new_lines = before.splitlines(keepends=True), after.splitlines(keepends=True)
    matcher = difflib.SequenceMatcher(None, old_lines, new_lines, autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag != "equal":
            old, new = b"".join(old_lines[i1:i2]), b"".join(new_lines[j1:j2])
            start = _common(old, new)
            end = _common(old[start:][::-1], new[start:][::-1])
            offset = sum(map(len, new_lines[:j1])) + start
            yield offset, old[start : len(old) - end], new[start : len(new) - end]


def _restored(edit: Json) -> bytes | None:
    """Return the bytes from before an edit, made from those that it left."""
    if not edit["existed"]:
        return None
    return _reverted(_read(Path(edit["path"])) or b"", edit)


def _reverted(data: bytes, edit: Json) -> bytes:
    for start, old, length in reversed(edit["hunks"]):
        data = data[:start] + base64.b64decode(old) + data[start + length :]
    return data


def _take_back(record: Json) -> list[str]:
    """Restore every file that is as the edit left it; return the others that are not as before either."""
    foreign = []
    for edit in reversed(record["edits"]):
        path = Path(edit["path"])
        now = _hash(_read(path))
        if now == edit["after"] and now != edit["before"]:
            _write(path, _restored(edit))
            for folder in reversed(edit["folders"]):
                with suppress(OSError):
                    Path(folder).rmdir()
        elif now != edit["before"]:
            foreign.append(edit["path"])
    return foreign


def _common(one: bytes, other: bytes) -> int:
    """Return how many bytes two texts share at their beginning."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _has_login(data: bytes) -> bool:
    text = data.decode("latin-1").replace("\0", "")  # UTF-16 too
    return redact(text) != text or bool(_LOGIN.search(text))


def _shown(data: bytes | None) -> str:
    text = (data or b"").replace(b"\0", b"").decode("utf-8", "replace")
    return _LOGIN.sub("***@", redact(text))


def _hash(data: bytes | None) -> str:
    return "absent" if data is None else hashlib.sha256(data).hexdigest()


def _require_unchanged(record: Json) -> None:
    """Raise EnvtoolError where a file is no longer as the edit left it."""
    if changed := [edit for edit in record["edits"] if _hash(_read(Path(edit["path"]))) != edit["after"]]:
        raise _changed_since(changed)


def _changed_since(edits: Sequence[Json]) -> EnvtoolError:
    lines: list[str] = []
    for edit in edits:
        path = edit["path"]
        now = _shown(_read(Path(path)))
        lines += difflib.unified_diff(
            edit["shown"].splitlines(), now.splitlines(), f"{path} (as envtool left it)", f"{path} (now)", lineterm=""
        )
    names = ", ".join(edit["path"] for edit in edits)
    return EnvtoolError(
        tr("Nothing was undone: {paths} was changed since.\n{diff}", paths=names, diff="\n".join(lines)),
        hint=tr(
            "Revert your change first, or edit the file by hand; `envtool mirror unset` removes only mirror lines."
        ),
    )


# -- the folder of entries


def _recover(host: Host) -> tuple[str, ...]:
    said = []
    for left in _folder(host).glob(_TEMPORARY):  # an entry that was being written when it was killed: nothing had begun
        left.unlink(missing_ok=True)
    for path, record in _records(host, _BEGUN):
        for edit in record["edits"]:
            _sweep(Path(edit["path"]))
        if all(_hash(_read(Path(edit["path"]))) == edit["after"] for edit in record["edits"]):
            path.rename(path.with_suffix(_DONE))  # it was killed after its last write
            continue
        foreign = _take_back(record)
        path.unlink()
        said.append(tr("An interrupted `{title}` was undone.", title=record["title"]))
        if foreign:
            said.append(tr("Not restored, because they were changed since: {paths}", paths=", ".join(foreign)))
    return tuple(said)


def _sweep(path: Path) -> None:
    """Remove the temporary files that a killed write left beside a file."""
    for left in path.parent.glob(f".{path.name}.*.envtool"):
        left.unlink(missing_ok=True)


def _undoable(host: Host, purpose: str) -> Iterator[tuple[Entry, Path, Json]]:
    for path, record in _records(host, _DONE, newest_first=True):
        if purpose in ("", record["purpose"]):
            paths = tuple(Path(edit["path"]) for edit in record["edits"])
            yield Entry(path.stem, record["purpose"], record["title"], record["when"], paths), path, record


def _records(host: Host, state: str, *, newest_first: bool = False) -> Iterator[tuple[Path, Json]]:
    """Yield the entries in a state, each read when its turn comes. Raises NewerVersionError."""
    for path in sorted(_folder(host).glob(f"*{state}"), reverse=newest_first):
        if record := versioned_json.read(path):  # entries are written whole: what makes no sense is not ours
            yield path, record


def _folder(host: Host) -> Path:
    return host.data_dir / "journal"


@contextmanager
def _held(host: Host, command: str) -> Iterator[None]:
    """Hold the journal's lock; whoever waits for it is told the ``command``."""
    folder = _folder(host)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    with locked(folder / "journal.lock", command, wait=_WAIT):
        yield


def _read(path: Path) -> bytes | None:
    try:
        return read_file(path)
    except FileNotFoundError:
        return None


def _write(path: Path, data: bytes | None) -> None:
    try:
        if data is None:
            # behind a link (dotfiles kept elsewhere) the file is removed, not the link
            (path.resolve() if path.is_symlink() else path).unlink(missing_ok=True)
        else:
            write_atomically(path, data)
    except OSError as error:
        raise EnvtoolError(
            tr("{path} could not be written: {reason}.", path=path, reason=error.strerror or error),
            hint=tr("Check the owner of the file and of its folder."),
        ) from error
