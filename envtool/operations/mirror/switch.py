"""``envtool mirror set`` and ``unset``: one plan over all clients' files, carried out whole or not at all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from envtool.clients import CLIENTS, client, settings_file
from envtool.clients.protocol import Client, Endpoints, Scope, SiteMatcher, Surroundings
from envtool.encoding import Form
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.mirrors import endpoints, url_matching
from envtool.model import FileEdit, Plan
from envtool.operations.context import Context
from envtool.paths import Host
from envtool.redaction import redact


@dataclass(frozen=True)
class Switch:
    """A switch as planned: its edits, notes on it, and the stale entries that stay unless they are confirmed."""

    plan: Plan
    clients: tuple[str, ...]
    notes: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()


@dataclass
class _Draft:
    """The edits so far: towards a mirror (``target``), or away from all of them."""

    host: Host
    sites: SiteMatcher
    target: Endpoints | None
    clean: bool
    edits: list[FileEdit] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)

    def add(self, edited: Client, scope: Scope) -> None:
        """Add one client's files."""
        found = edited.files(self.host, scope)
        if found is None:
            self.notes.append(tr("{client} has no settings of its own in this scope.", client=edited.name))
            return
        first = settings_file.naming_a_source(edited, found.paths) or found.default
        for path in dict.fromkeys((*found.paths, first)):
            # in the other files of the scope a mirror that is left would go on being merged in
            if path == first or path.exists():
                self._add_file(edited, path, self.target if path == first else None)

    def _add_file(self, edited: Client, path: Path, target: Endpoints | None) -> None:
        before = settings_file.read(path)
        text, form = settings_file.text_of(edited, path, before)
        new = (
            edited.switched(text, str(path), target, self.sites, clean=self.clean, host=self.host)
            if target
            else edited.unset(text, str(path), self.sites)
        )
        self.notes += new.notes
        self.stale += new.stale
        if target and form.mark not in edited.marks:
            self.notes.append(
                tr("{path} is saved as plain UTF-8: {client} cannot read its encoding.", path=path, client=edited.name)
            )
            form = Form()
        after = form.encode(new.text)
        if after != (before or b""):
            self.edits.append(FileEdit(path, before, after))


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
    mirror: str,
    clients: Sequence[str],
    scope: Scope,
    *,
    clean: bool = False,
    allow_http: bool = False,
) -> Switch:
    """Return what switching to a mirror (its name, alias or URL) would change. Raises EnvtoolError where it cannot."""
    known = context.catalogue
    site = endpoints.mirror_meant(known, mirror)
    target = endpoints.of_mirror(known, site)
    if not allow_http and any(url.startswith("http://") for url in (target.index, *target.parents.values())):
        raise EnvtoolError(
            tr("{mirror} uses http: anyone on the network can change what you install.", mirror=mirror),
            hint=tr("Give its https address, or add --allow-http to accept the risk."),
            code=ExitCode.USAGE,
        )
    draft = _Draft(context.host, url_matching.UrlMatcher(known), target, clean)
    where = Surroundings(context.host, context.root, context.active)
    for overrides in filter(None, (client(name).overrides for name in clients)):
        draft.notes += overrides(where, scope)
    return _plan(f"mirror set {site.name}", draft, clients, scope)


def plan_set_confirmed(
    context: Context,
    mirror: str,
    clients: Sequence[str],
    scope: Scope,
    confirm: Callable[[tuple[str, ...]], bool],
    *,
    allow_http: bool = False,
) -> Switch:
    """Return what switching to a mirror would change, obsolete entries included where ``confirm`` says yes to them."""
    switch = plan_set(context, mirror, clients, scope, allow_http=allow_http)
    if switch.stale and confirm(switch.stale):
        return plan_set(context, mirror, clients, scope, clean=True, allow_http=allow_http)
    if switch.stale:
        entries = ", ".join(switch.stale)
        context.reporter.warn(tr("Left unchanged although obsolete: {entries}. --yes replaces them.", entries=entries))
    return switch


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


def plan_unset(context: Context, clients: Sequence[str], scope: Scope) -> Switch:
    """Return what removing every mirror's lines would change."""
    draft = _Draft(context.host, url_matching.UrlMatcher(context.catalogue), None, clean=True)
    return _plan("mirror unset", draft, clients, scope)


def _plan(title: str, draft: _Draft, clients: Sequence[str], scope: Scope) -> Switch:
    for name in clients:
        draft.add(client(name), scope)
    notes, stale = (tuple(dict.fromkeys(map(redact, said))) for said in (draft.notes, draft.stale))
    return Switch(Plan(title, edits=tuple(draft.edits)), tuple(clients), notes, stale)
