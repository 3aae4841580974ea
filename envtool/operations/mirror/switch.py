"""``envtool mirror set`` and ``unset``: one plan over all clients' files, carried out whole or not at all."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from envtool import journal
from envtool.clients import CLIENTS, client, settings_file
from envtool.clients.protocol import Client, Endpoints, Scope, SiteMatcher, Surroundings
from envtool.encoding import Form, decode_with_form
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.mirrors import endpoints, url_matching
from envtool.model import FileEdit, Plan
from envtool.operations.context import Context
from envtool.operations.mirror import unlisted
from envtool.operations.mirror.site import Site
from envtool.operations.mirror.unlisted import UnlistedSource
from envtool.paths import Host
from envtool.redaction import redact

_UNSET = "mirror unset"


@dataclass(frozen=True)
class SwitchRequest:
    """What is asked of a switch: for which clients, in whose settings, and what else it may do.

    ``replace_own`` takes the place of sources that no list knows, without asking what they are.
    """

    clients: tuple[str, ...]
    scope: Scope
    allow_http: bool = False
    replace_own: bool = False


@dataclass(frozen=True)
class Refusal:
    """A client whose file was left alone, since the client itself refuses it, or would refuse the mirror."""

    client: str
    message: str
    hint: str
    code: ExitCode


@dataclass(frozen=True)
class Switch:
    """A switch as planned: its edits, notes on it, and what stays.

    ``stale`` are obsolete entries that stay unless they are confirmed, ``own`` the sources that no list knows,
    ``offered`` those of them that answer like public ones. ``following`` are the clients whose files name the mirror
    after the switch.
    """

    plan: Plan
    clients: tuple[str, ...]
    notes: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    own: tuple[UnlistedSource, ...] = ()
    offered: tuple[str, ...] = ()
    following: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()


@dataclass
class _Draft:
    """The edits so far: towards a mirror (``target``), or away from all of them."""

    where: Surroundings
    sites: SiteMatcher
    target: Endpoints | None
    clean: bool
    edits: list[FileEdit] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    own: list[UnlistedSource] = field(default_factory=list)
    following: list[str] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)

    def add(self, edited: Client, scope: Scope) -> None:
        """Add one client's files; a file that the client itself refuses leaves those of the others as they are."""
        part = _Draft(self.where, self.sites, self.target, self.clean)
        try:
            part._add(edited, scope)
        except EnvtoolError as error:
            self.refused.append(Refusal(edited.name, error.message, error.hint, error.code))
            return
        self.edits += part.edits
        self.notes += part.notes
        self.stale += part.stale
        self.own += part.own
        self.following += part.following

    def _add(self, edited: Client, scope: Scope) -> None:
        found = edited.files(self.where.host, scope)
        if found is None:
            self.notes.append(tr("{client} has no settings of its own in this scope.", client=edited.name))
            return
        if self.target and edited.overrides:
            self.notes += edited.overrides(self.where, scope, self.sites)
        first = settings_file.naming_a_source(edited, found.paths) or found.default
        for path in dict.fromkeys((*found.paths, first)):
            # in the other files of the scope a mirror that is left would go on being merged in
            if path == first or path.exists():
                self._add_file(edited, path, self.target if path == first else None)

    def _add_file(self, edited: Client, path: Path, target: Endpoints | None) -> None:
        before = settings_file.read(path)
        text, form = settings_file.text_of(edited, path, before)
        former = None if target or self.target else journal.original(self.where.host, "mirror", path, until=_UNSET)
        new = (
            edited.switched(text, str(path), target, self.sites, clean=self.clean, where=self.where)
            if target
            else edited.unset(text, str(path), self.sites, where=self.where, original=_text(former))
        )
        self.notes += new.notes
        self.stale += new.stale
        self.own += [UnlistedSource(edited.tested_for, url) for url in new.own]
        if target and any(url in new.text for url in (target.index, target.python, *target.parents.values()) if url):
            self.following.append(edited.name)
        if target and form.mark not in edited.marks:
            self.notes.append(
                tr("{path} is saved as plain UTF-8: {client} cannot read its encoding.", path=path, client=edited.name)
            )
            form = Form()
        after: bytes | None = form.encode(new.text)
        if former and not former.existed and not new.text.strip():
            after = None  # a switch made this file
        if after != (before or b"") and (before, after) != (None, None):
            self.edits.append(FileEdit(path, before, after))


def _text(former: journal.OldFile | None) -> str | None:
    return decode_with_form(former.data, any_bytes=True)[0] if former else None


def targets(host: Host, names: Sequence[str]) -> tuple[str, ...]:
    """Return the clients that ``--target`` words mean: names, also separated by commas, or ``all``.

    Without any: those that need no program (conda and pip), and of the others those that this account has. Raises
    EnvtoolError for an unknown one.
    """
    words = [word.strip() for name in names for word in name.split(",") if word.strip()]
    if "all" in words:
        return tuple(CLIENTS)
    if not words:
        return tuple(name for name in CLIENTS if _is_present(host, client(name)))
    for word in words:
        if word not in CLIENTS:
            raise EnvtoolError(
                tr("There is no target {name}.", name=repr(word)),
                hint=tr("Targets: {names}, all.", names=", ".join(CLIENTS)),
                code=ExitCode.USAGE,
            )
    return tuple(dict.fromkeys(words))


def _is_present(host: Host, candidate: Client) -> bool:
    from envtool.process import find

    if not candidate.programs:
        return True
    found = candidate.files(host, Scope("user"))
    if found and any(path.exists() for path in found.paths):
        return True
    return any(find(program, host.environ.get("PATH", "")) for program in candidate.programs)


def plan_set(
    context: Context,
    mirror: str | Site,
    clients: Sequence[str],
    scope: Scope,
    *,
    clean: bool = False,
) -> Switch:
    """Return what switching to a mirror would change, without asking anybody. Raises EnvtoolError where it cannot."""
    return planned(context, mirror, SwitchRequest(tuple(clients), scope), clean=clean)


def plan_set_confirmed(
    context: Context, mirror: str | Site, request: SwitchRequest, confirm: Callable[[tuple[str, ...]], bool]
) -> Switch:
    """Return what switching to a mirror would change.

    Obsolete entries, and sources in no list that answer like public ones, are included where ``confirm`` says yes to
    them. What an earlier switch wrote counts as a mirror's.
    """

    def plan(clean: bool, urls: Collection[str]) -> Switch:
        return planned(context, mirror, request, clean=clean, replaceable=urls)

    return _confirmed(context, plan, confirm, replace_own=request.replace_own)


def plan_unset(context: Context, clients: Sequence[str], scope: Scope) -> Switch:
    """Return what removing every mirror's lines would change, without asking anybody."""
    return _planned_unset(context, SwitchRequest(tuple(clients), scope))


def plan_unset_confirmed(
    context: Context, request: SwitchRequest, confirm: Callable[[tuple[str, ...]], bool]
) -> Switch:
    """Return what removing every mirror's lines would change; for the rest see :func:`plan_set_confirmed`."""

    def plan(_: bool, urls: Collection[str]) -> Switch:
        return _planned_unset(context, request, urls)

    return _confirmed(context, plan, confirm, replace_own=request.replace_own)


def planned(
    context: Context, mirror: str | Site, request: SwitchRequest, *, clean: bool, replaceable: Collection[str] = ()
) -> Switch:
    """Return a switch in which the addresses ``replaceable``, which are in no list, are treated as a mirror's."""
    known = context.catalogue
    site = mirror if isinstance(mirror, Site) else Site.of_mirror(known, endpoints.mirror_meant(known, mirror))
    target = site.endpoints
    if not request.allow_http and any(url.startswith("http://") for url in (target.index, *target.parents.values())):
        raise EnvtoolError(
            tr("{mirror} uses http: anyone on the network can change what you install.", mirror=target.mirror),
            hint=tr("Give its https address, or add --allow-http to accept the risk."),
            code=ExitCode.USAGE,
        )
    sites = url_matching.UrlMatcher(known, replaceable)
    draft = _Draft(_surroundings(context, request.scope), sites, target, clean=clean)
    draft.notes += site.notes
    return _plan(f"mirror set {target.mirror}", draft, site.served(request.clients), request.scope)


def _planned_unset(context: Context, request: SwitchRequest, replaceable: Collection[str] = ()) -> Switch:
    sites = url_matching.UrlMatcher(context.catalogue, replaceable)
    draft = _Draft(_surroundings(context, request.scope), sites, None, clean=True)
    return _plan(_UNSET, draft, request.clients, request.scope)


def _surroundings(context: Context, scope: Scope) -> Surroundings:
    try:
        folder = Path.cwd()
    except OSError:  # it was removed
        folder = context.host.home
    return Surroundings(context.host, context.root, scope.prefix or context.active, folder)


def _confirmed(
    context: Context,
    plan: Callable[[bool, Collection[str]], Switch],
    confirm: Callable[[tuple[str, ...]], bool],
    *,
    replace_own: bool,
) -> Switch:
    switch = plan(False, ())
    urls = {source.url for source in switch.own} if replace_own else unlisted.written_by_us(context, switch.own)
    if urls:
        switch = plan(False, urls)
    offered = unlisted.answering(context, [source for source in switch.own if source.url not in urls])
    shown = tuple(redact(url) for url in offered)
    if not (switch.stale or offered):
        return switch
    if confirm((*switch.stale, *shown)):
        clean = plan(True, {*urls, *offered})
        gone = tuple(tr("{entry} is replaced or removed.", entry=entry) for entry in (*switch.stale, *shown))
        return replace(clean, notes=tuple(dict.fromkeys((*clean.notes, *gone))))
    if switch.stale:
        entries = ", ".join(switch.stale)
        context.reporter.warn(tr("Left unchanged although obsolete: {entries}. --yes replaces them.", entries=entries))
    for url in shown:
        context.reporter.warn(tr("{url} is in no list, but answers like a public mirror: --yes replaces it.", url=url))
    return replace(switch, offered=shown)


def plan_torch(context: Context, mirror: str) -> Switch:
    """Return what makes envtool ask a mirror first for PyTorch wheels.

    It is a setting of envtool's own: in pip's settings it would slow down and alter every other install.
    """
    from envtool.mirrors import own_mirrors

    known = context.catalogue
    site = endpoints.mirror_meant(known, mirror)
    if site.torch is None:
        having = ", ".join(other.name for other in known.mirrors.values() if other.torch and other.usable)
        raise EnvtoolError(
            tr("{mirror} does not serve PyTorch wheels.", mirror=site.name),
            hint=tr("These mirrors do: {names}.", names=having),
            code=ExitCode.USAGE,
        )
    edits = own_mirrors.edit(context.host, lambda document: document.put(("torch",), site.name))
    option = "--index-url" if site.torch.how == "index" else "--find-links"
    note = tr("To use it in a pip command: {option} {url}/cu128", option=option, url=site.torch.base)
    return Switch(Plan(f"mirror set {site.name} --torch", edits=edits), (), (note,))


def _plan(title: str, draft: _Draft, clients: Sequence[str], scope: Scope) -> Switch:
    for name in clients:
        draft.add(client(name), scope)
    if len(clients) == 1 and draft.refused:
        refusal = draft.refused[0]
        raise EnvtoolError(refusal.message, hint=refusal.hint, code=refusal.code)
    notes, stale = (tuple(dict.fromkeys(map(redact, said))) for said in (draft.notes, draft.stale))
    return Switch(
        Plan(title, edits=tuple(draft.edits)),
        tuple(clients),
        notes,
        stale,
        own=tuple(dict.fromkeys(draft.own)),
        following=tuple(dict.fromkeys(draft.following)),
        refused=tuple(draft.refused),
    )
