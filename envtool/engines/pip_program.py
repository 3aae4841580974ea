"""The environment's own pip, run with the sources that envtool was given."""

from collections.abc import Sequence
from pathlib import Path

from envtool.model import PipSources
from envtool.process import Command

_LOCATIONS = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT")  # pip would install there instead of in the environment


def source_folder(python: Path) -> Path:
    """Return where pip puts repositories that are installed in editable mode: ``src`` in the environment."""
    return python.parent.parent / "src"


def command(
    python: Path, arguments: Sequence[str], sources: PipSources, *, offline: bool, source: Path | None = None
) -> Command:
    """Return a pip command for the environment of ``python``; repositories are checked out below ``source``.

    pip reads its own configuration. The sources are passed to it as well, since those of the command line and the
    replica of an index that does not answer are among them: in variables, for they may hold logins.
    """
    settings = {
        "PIP_INDEX_URL": sources.index or "",
        "PIP_EXTRA_INDEX_URL": " ".join(sources.extra_indexes),
        "PIP_FIND_LINKS": " ".join(sources.find_links),
        "PIP_TRUSTED_HOST": " ".join(sources.trusted_hosts),
        "PIP_CERT": sources.certificate,
        "PIP_CLIENT_CERT": sources.client_certificate,
        "PIP_PROXY": sources.proxy,
        "PIP_CONSTRAINT": " ".join(sources.constraints),
        "PIP_NO_INDEX": "1" if sources.no_index or offline else "",
    }
    environment: dict[str, str | None] = dict.fromkeys(_LOCATIONS)
    environment |= {name: value for name, value in settings.items() if value}
    environment |= {"PIP_SRC": str(source or source_folder(python)), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    verb, *rest = arguments
    return Command((str(python), "-m", "pip", verb, "--no-input", "--no-user", *rest), env=environment)
