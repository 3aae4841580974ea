"""One command under a mirror: by variables, with nobody's settings changed."""

from pathlib import Path
from typing import NoReturn

from envtool.clients import pip
from envtool.clients.client import Wanted
from envtool.clients.conda import editing as conda_editing
from envtool.clients.yaml_text import YamlText
from envtool.encoding import decode_with_form
from envtool.errors import EnvtoolError, ExitCode
from envtool.files import write_atomically
from envtool.i18n import tr
from envtool.mirrors import catalogue, endpoints, url_matching
from envtool.paths import Host
from envtool.process import Command, hand_over
from envtool.redaction import redact
from envtool.reporter import Reporter


def run(host: Host, mirror: str, argv: tuple[str, ...], reporter: Reporter) -> NoReturn:
    """Become a command that sees a mirror. Raises EnvtoolError where it cannot be started."""
    if not argv:
        raise EnvtoolError(
            tr("There is no command to run."),
            hint=tr("envtool mirror run {mirror} -- pip download numpy", mirror=mirror),
            code=ExitCode.USAGE,
        )
    hand_over(Command(argv, env=variables(host, mirror, reporter)))


def variables(host: Host, mirror: str, reporter: Reporter) -> dict[str, str | None]:
    """Return the variables under which pip, uv, conda and mamba use a mirror; a private index stays in force."""
    known = catalogue.load(host)
    recogniser = url_matching.Recogniser(known)
    wanted = endpoints.wanted(known, endpoints.find(known, mirror))
    found: dict[str, str | None] = {}
    index = pip.in_force(host).index
    if index and recogniser.url(index) is None:
        reporter.note(tr("pip's index {url} is your own and stays in force.", url=redact(index)))
    elif wanted.index:
        found["PIP_INDEX_URL"] = found["UV_DEFAULT_INDEX"] = wanted.index
    if wanted.python:
        found["UV_PYTHON_INSTALL_MIRROR"] = wanted.python
    if wanted.parents:
        found["CONDARC"] = str(_condarc(host, wanted, recogniser, reporter))
    return found


def _condarc(host: Host, wanted: Wanted, known: url_matching.Recogniser, reporter: Reporter) -> Path:
    """Return a settings file that conda reads last: what CONDARC names now, with the mirror in it."""
    own = host.environ.get("CONDARC", "")
    text = decode_with_form(Path(own).read_bytes())[0] if own and Path(own).is_file() else ""
    if redact(text) != text:
        raise EnvtoolError(
            tr("{path} holds a login, which must not be copied.", path=own),
            hint=tr("Unset CONDARC for this command, or use `envtool mirror set`."),
        )
    path = host.cache_dir / "mirror-run" / f"{wanted.mirror.replace(':', '_')}.yml"
    edited = conda_editing.switched(text, str(path), wanted, known, clean=True, host=host)
    document = YamlText(edited.text, str(path))
    if parts := document.get("default_channels"):
        # lists of several files are joined, so the one in the user's file would go on being read; this one replaces it
        document.put(("custom_multichannels", "defaults"), [str(url) for url in parts])
    for note in edited.notes:
        reporter.note(note)
    write_atomically(path, document.text.encode())
    return path
