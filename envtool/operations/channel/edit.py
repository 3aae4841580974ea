"""``envtool channel add``, ``remove`` and ``move``: the ``channels`` lists of conda's settings files, edited."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from envtool.clients import client, settings_file
from envtool.clients.conda import canonical_name, channel_list
from envtool.clients.conda.channel_list import ChannelEntry, same
from envtool.clients.protocol import Scope
from envtool.encoding import Form
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.mirrors import url_matching
from envtool.model import FileEdit, Plan
from envtool.operations.channel.show import ChannelView, show
from envtool.operations.context import Context
from envtool.operations.steps.package_sources import DEFAULT_CHANNEL
from envtool.redaction import redact


@dataclass(frozen=True)
class ChannelChange:
    """A change as planned: its edits, and notes on it."""

    plan: Plan
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Position:
    """A place in a list: first, last, or next to another channel (``word``)."""

    how: Literal["first", "last", "before", "after"]
    word: str = ""

    def index(self, others: Sequence[str]) -> int | None:
        """Return the place among the other entries, or None where the other channel is not among them."""
        if self.how in ("first", "last"):
            return 0 if self.how == "first" else len(others)
        found = next((number for number, other in enumerate(others) if same(other, self.word)), None)
        return found if found is None or self.how == "before" else found + 1


class _File(NamedTuple):
    path: Path
    before: bytes | None
    text: str
    form: Form
    entries: tuple[ChannelEntry, ...]

    def has(self, name: str) -> bool:
        return any(same(entry.channel, name) for entry in self.entries)


def plan_add(context: Context, scope: Scope, names: Sequence[str], *, last: bool = False) -> ChannelChange:
    """Return what adding channels would change: to the top of the list, or with ``last`` to its end.

    Channels that are in the list move. Where no channel was configured, the one in use until now stays in use.
    """
    files = _files(context, scope)
    holding = [file for file in files if file.entries] or [_default(context, scope, files)]
    chosen = holding[0 if last else -1]  # conda reads the entries of later files first
    notes = []
    names = list(names)
    if not context.conda_settings(scope.prefix).channels and DEFAULT_CHANNEL not in names:
        names = [DEFAULT_CHANNEL, *names] if last else [*names, DEFAULT_CHANNEL]
        notes.append(
            tr("{name} is listed, too: it was in use because no channel was configured.", name=DEFAULT_CHANNEL)
        )

    def edited(file: _File) -> str:
        if file.path == chosen.path:
            return channel_list.with_added(file.text, str(file.path), names, last=last)
        return channel_list.without(file.text, str(file.path), [name for name in names if file.has(name)])

    return _change(f"channel add {' '.join(map(redact, names))}", [*files, chosen], edited, notes)


def plan_remove(context: Context, scope: Scope, names: Sequence[str]) -> ChannelChange:
    """Return what removing channels would change.

    A name also removes the same channel written as a URL. Raises EnvtoolError where the scope does not list it.
    """
    files = _files(context, scope)
    entries = [entry.channel for file in files for entry in file.entries]
    meant = {name: _meant(context, scope, name, entries) for name in names}
    gone = [entry for found in meant.values() for entry in found]
    notes = [
        tr("{entry} is {name}.", entry=redact(entry), name=name)
        for name, found in meant.items()
        for entry in found
        if not same(entry, name)
    ]

    def edited(file: _File) -> str:
        return channel_list.without(file.text, str(file.path), [entry for entry in gone if file.has(entry)])

    return _change(f"channel remove {' '.join(map(redact, names))}", files, edited, notes)


def plan_move(context: Context, scope: Scope, name: str, place: Position) -> ChannelChange:
    """Return what moving a channel within its list would change. Raises EnvtoolError where it is not listed."""
    files = _files(context, scope)
    entry = _meant(context, scope, name, [entry.channel for file in files for entry in file.entries])[0]
    home = next(file for file in files if file.has(entry))
    others = [other.channel for other in home.entries if not same(other.channel, entry)]
    index = place.index(others)
    if index is None:
        raise EnvtoolError(
            tr(
                "{other} is not listed in {path}, where {name} is.",
                other=place.word,
                path=home.path,
                name=redact(entry),
            ),
            hint=tr("`envtool channel list` shows the line of each channel."),
            code=ExitCode.USAGE,
        )

    def edited(file: _File) -> str:
        return channel_list.with_moved(file.text, str(file.path), entry, index) if file.path == home.path else file.text

    return _change(f"channel move {redact(entry)}", files, edited, [])


def not_in_force(context: Context, scope: Scope, names: Sequence[str]) -> list[str]:
    """Return those of the channels that conda's settings, read anew, do not have."""
    now = {view.channel.rstrip("/") for view in _listed(context, scope)}
    return [redact(name) for name in names if redact(name).rstrip("/") not in now]


def still_in_force(context: Context, scope: Scope, names: Sequence[str]) -> Iterator[str]:
    """Yield a sentence for each of the channels that conda's settings, read anew, still have."""
    for view in _listed(context, scope):
        if any(same(view.channel, redact(name)) for name in names):
            for source in view.sources:
                yield tr("{name} stays in use: {place} names it.", name=view.channel, place=source)


def _listed(context: Context, scope: Scope) -> Sequence[ChannelView]:
    anew = Context(context.host, context.reporter)  # a context remembers what it has read
    found = show(anew, scope.prefix)
    return found.channels if found.configured else ()


def _meant(context: Context, scope: Scope, name: str, entries: Sequence[str]) -> list[str]:
    """Return the entries that a name means. Raises EnvtoolError where none does."""
    settings = context.conda_settings(scope.prefix)
    sites = url_matching.UrlMatcher(context.catalogue)

    def is_meant(entry: str) -> bool:
        match = sites.match(entry) if "://" in entry else None
        return name in (match.channel if match else "", canonical_name(settings, entry), redact(entry))

    if found := list(dict.fromkeys(entry for entry in entries if same(entry, name) or is_meant(entry))):
        return found
    raise _not_listed(context, scope, name, entries)


def _not_listed(context: Context, scope: Scope, name: str, entries: Sequence[str]) -> EnvtoolError:
    import difflib

    for view in _listed(context, scope):
        if same(view.channel, redact(name)) and view.sources:
            return EnvtoolError(
                tr(
                    "{name} is not in the settings to change: {place} names it.",
                    name=view.channel,
                    place=view.sources[0],
                ),
                hint=tr("--scope env, site or system changes other files; unset a variable by hand."),
                code=ExitCode.MISSING,
            )
    shown = [redact(entry) for entry in entries]
    close = difflib.get_close_matches(name, shown, n=1)
    hint = tr("Did you mean {name}?", name=close[0]) if close else tr("Listed are: {names}.", names=", ".join(shown))
    return EnvtoolError(
        tr("No settings file lists the channel {name}.", name=redact(name)),
        hint=hint if shown else tr("No channel is configured in this scope."),
        code=ExitCode.MISSING,
    )


# -- the files of a scope


def _files(context: Context, scope: Scope) -> list[_File]:
    """Return the existing files of a scope, lowest precedence first."""
    found = client("conda").files(context.host, scope)
    return [_file(path) for path in (found.paths if found else ()) if path.exists()]


def _default(context: Context, scope: Scope, files: Sequence[_File]) -> _File:
    """Return the file for a list where none of the scope has one."""
    found = client("conda").files(context.host, scope)
    if found is None:
        raise EnvtoolError(tr("conda has no settings in this scope."), code=ExitCode.USAGE)
    return next((file for file in reversed(files) if file.path == found.default), None) or _file(found.default)


def _file(path: Path) -> _File:
    before = settings_file.read(path)
    text, form = settings_file.text_of(client("conda"), path, before)
    return _File(path, before, text, form, channel_list.entries(text, str(path)))


def _change(title: str, files: Sequence[_File], edited: Callable[[_File], str], notes: Sequence[str]) -> ChannelChange:
    edits = []
    for file in {file.path: file for file in files}.values():
        text = edited(file)
        if text != file.text:
            edits.append(FileEdit(file.path, file.before, file.form.encode(text)))
    return ChannelChange(Plan(title, edits=tuple(edits)), tuple(notes))
