"""Switch the clients to a mirror, or away from all mirrors: one plan over all files, carried out whole or not."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from envtool import journal
from envtool.clients.client import Editor, Recogniser, Scope, Wanted
from envtool.encoding import Form, decode_with_form
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.mirrors import catalogue, endpoints, url_matching
from envtool.model import FileEdit, Plan
from envtool.operations.context import Context
from envtool.operations.mirror import overrides
from envtool.paths import Host
from envtool.redaction import redact

PURPOSE = "mirror"
_EDITORS = {"conda": "conda.editing", "pip": "pip.editing", "uv": "uv", "mamba": "mamba", "pixi": "pixi"}
_PROGRAMS = {"uv": ("uv",), "mamba": ("mamba", "micromamba"), "pixi": ("pixi",)}


if TYPE_CHECKING:  # each is loaded only where its client is switched; that they are editors is checked here
    from envtool.clients import mamba, pixi, uv
    from envtool.clients.conda import editing as conda_editing
    from envtool.clients.pip import editing as pip_editing

    _checked: tuple[Editor, ...] = (conda_editing, pip_editing, uv, mamba, pixi)


@dataclass(frozen=True)
class Switch:
    """A switch as planned: the edits, what to know about it, what is stale in the files and stays without a yes."""

    plan: Plan
    clients: tuple[str, ...]
    notes: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()


@dataclass
class _Draft:
    """The edits so far, on the way to a mirror (``wanted``) or away from all."""

    host: Host
    known: Recogniser
    wanted: Wanted | None
    clean: bool
    edits: list[FileEdit] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)

    def client(self, editor: Editor, scope: Scope) -> None:
        """Add one client's files."""
        places = editor.places(self.host, scope)
        if places is None:
            self.notes.append(tr("{client} has no settings of its own there.", client=editor.NAME))
            return
        first = _speaking(editor, places.paths) or places.default
        for path in dict.fromkeys((*places.paths, first)):
            # in the other files of the scope a mirror that is left would go on being merged in
            if path == first or path.exists():
                self._file(editor, path, self.wanted if path == first else None)

    def _file(self, editor: Editor, path: Path, wanted: Wanted | None) -> None:
        before = _bytes(path)
        text, form = _text(path, before)
        edited = (
            editor.switched(text, str(path), wanted, self.known, clean=self.clean, host=self.host)
            if wanted
            else editor.unset(text, str(path), self.known)
        )
        self.notes += edited.notes
        self.stale += edited.stale
        if wanted and form.mark not in editor.MARKS:
            self.notes.append(
                tr("{path} is plain UTF-8 now: {client} cannot read what it was.", path=path, client=editor.NAME)
            )
            form = Form()
        after = form.encode(edited.text)
        if after != (before or b""):
            self.edits.append(FileEdit(path, before, after))


def targets(host: Host, names: Sequence[str]) -> tuple[str, ...]:
    """Return the clients that ``--target`` words mean: names, also separated by commas, or ``all``.

    Without any: conda and pip, and of the others those that this account has. Raises EnvtoolError for an unknown one.
    """
    words = [word.strip() for name in names for word in name.split(",") if word.strip()]
    if "all" in words:
        return tuple(_EDITORS)
    if not words:
        return tuple(name for name in _EDITORS if name not in _PROGRAMS or _present(host, name))
    for word in words:
        if word not in _EDITORS:
            raise EnvtoolError(
                tr("There is no target {name}.", name=repr(word)),
                hint=tr("Targets are: {names}, all.", names=", ".join(_EDITORS)),
                code=ExitCode.USAGE,
            )
    return tuple(dict.fromkeys(words))


def _editor(client: str) -> Editor:
    from importlib import import_module

    return cast("Editor", import_module(f"envtool.clients.{_EDITORS[client]}"))


def _present(host: Host, client: str) -> bool:
    from envtool.process import find

    places = _editor(client).places(host, Scope("user"))
    if places and any(path.exists() for path in places.paths):
        return True
    return any(find(program, host.environ.get("PATH", "")) for program in _PROGRAMS[client])


def plan_set(
    context: Context,
    mirror: str,
    clients: Sequence[str],
    scope: Scope,
    *,
    clean: bool = False,
    allow_http: bool = False,
) -> Switch:
    """Return what switching to a mirror (its name, alias or URL) would change. Raises EnvtoolError where it cannot."""
    known = context.catalogue
    site = endpoints.find(known, mirror)
    wanted = endpoints.wanted(known, site)
    if not allow_http and any(url.startswith("http://") for url in (wanted.index, *wanted.parents.values())):
        raise EnvtoolError(
            tr("{mirror} is reached over http: anybody on the way can change what you install.", mirror=mirror),
            hint=tr("Give its https address, or say --allow-http if you accept that."),
            code=ExitCode.USAGE,
        )
    draft = _Draft(context.host, url_matching.Recogniser(known), wanted, clean)
    draft.notes += overrides.find(context, clients, scope)
    return _plan(f"mirror set {site.name}", draft, clients, scope)


def plan_torch(host: Host, mirror: str) -> Switch:
    """Return what makes a mirror the first to be asked for PyTorch wheels.

    It is envtool's own setting: in pip's it would slow down and alter every other install.
    """
    from envtool.mirrors import own_mirrors

    known = catalogue.load(host)
    site = endpoints.find(known, mirror)
    if site.torch is None:
        having = ", ".join(other.name for other in known.mirrors.values() if other.torch and other.usable)
        raise EnvtoolError(
            tr("{mirror} has no PyTorch wheels.", mirror=site.name),
            hint=tr("These have: {names}.", names=having),
            code=ExitCode.USAGE,
        )
    edits = own_mirrors.edit(host, lambda document: document.put(("torch",), site.name))
    option = "--index-url" if site.torch.how == "index" else "--find-links"
    note = tr("For one pip command of your own: {option} {url}/cu128", option=option, url=site.torch.base)
    return Switch(Plan(f"mirror set {site.name} --torch", edits=edits), (), (note,))


def plan_unset(host: Host, clients: Sequence[str], scope: Scope) -> Switch:
    """Return what removing every mirror's lines would change."""
    draft = _Draft(host, url_matching.Recogniser(catalogue.load(host)), None, clean=True)
    return _plan("mirror unset", draft, clients, scope)


def carry_out(host: Host, switch: Switch) -> None:
    """Write the planned files, all or none, so that :func:`undo` can take them back."""
    if switch.plan.edits:
        journal.apply(host, PURPOSE, switch.plan.title, switch.plan.edits)


def undo(host: Host, *, dry_run: bool = False) -> tuple[journal.Entry, tuple[FileEdit, ...]] | None:
    """Take the last switch back, byte for byte; None where there is none.

    Raises EnvtoolError with a diff where a file was changed since.
    """
    entry = journal.last(host, PURPOSE)
    if entry is None:
        return None
    edits = journal.preview(host, PURPOSE)
    if not dry_run:
        journal.undo(host, PURPOSE)
    return entry, edits


def _plan(title: str, draft: _Draft, clients: Sequence[str], scope: Scope) -> Switch:
    for name in clients:
        draft.client(_editor(name), scope)
    notes, stale = (tuple(dict.fromkeys(map(redact, said))) for said in (draft.notes, draft.stale))
    return Switch(Plan(title, edits=tuple(draft.edits)), tuple(clients), notes, stale)


def diff(edits: Sequence[FileEdit]) -> str:
    """Return what edits change as a unified diff, without logins."""
    import difflib

    lines: list[str] = []
    for edit in edits:
        before, after = (_shown(data) for data in (edit.before, edit.after))
        old, new = (str(edit.path) if data is not None else "/dev/null" for data in (edit.before, edit.after))
        lines += difflib.unified_diff(before, after, old, new, lineterm="")
    return "\n".join(lines)


def _shown(data: bytes | None) -> list[str]:
    return redact(decode_with_form(data or b"", any_bytes=True)[0]).splitlines()


def _speaking(editor: Editor, paths: Sequence[Path]) -> Path | None:
    """Return the file that wins and speaks of sources at all."""
    for path in reversed(paths):
        if path.is_file() and editor.KEYWORD in _text(path, _bytes(path))[0]:
            return path
    return None


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise EnvtoolError(
            tr("{path} cannot be read: {reason}.", path=path, reason=error.strerror), code=ExitCode.BAD_INPUT
        ) from None


def _text(path: Path, data: bytes | None) -> tuple[str, Form]:
    try:
        return decode_with_form(data or b"", any_bytes=path.suffix in (".conf", ".ini"))
    except UnicodeDecodeError as error:
        raise EnvtoolError(
            tr("{path} is not text: byte {position} is neither UTF-8 nor UTF-16.", path=path, position=error.start),
            hint=tr("Save it as UTF-8 and try again."),
            code=ExitCode.BAD_INPUT,
        ) from None
