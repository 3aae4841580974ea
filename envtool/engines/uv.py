"""uv: its path, its commands with the settings that pip would use, and the output of its dry runs.

uv does not read pip's configuration. The settings in force for pip are passed to it in environment variables, never in
arguments, which every user of the machine can read.
"""

import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.model import PipSources
from envtool.process import Command

_CHANGE = re.compile(r" (?P<sign>[+~]) (?P<name>[A-Za-z0-9][\w.-]*)==(?P<version>[^\s(]+)(?P<source> \(from .*\))?")


def uv_program() -> str:
    """Return the path of the uv installed with envtool, else of the uv on PATH. Raises EnvtoolError (MISSING)."""
    name = "uv.exe" if os.name == "nt" else "uv"
    bundled = Path(sys.executable).parent / name
    if bundled.is_file():
        return str(bundled)
    import sysconfig

    scheme = sysconfig.get_path("scripts", sysconfig.get_preferred_scheme("user"))
    found = shutil.which(name, path=scheme) or shutil.which(name)
    if not found:
        raise EnvtoolError(
            tr("uv was not found, although it is installed with envtool."),
            hint=tr("Reinstall envtool, or put uv on PATH."),
            code=ExitCode.MISSING,
        )
    return found


def command(arguments: Sequence[str], sources: PipSources, *, offline: bool, progress: bool = False) -> Command:
    """Return a ``uv pip`` command with the settings that pip would use."""
    environment: dict[str, str | None] = {
        "VIRTUAL_ENV": None,
        "CONDA_PREFIX": None,
        "UV_NO_PROGRESS": None if progress else "1",
        "NO_COLOR": "1",
        # As pip does: take the best version of all indexes, not of the first one that has the package.
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_INDEX": None,
        "UV_EXTRA_INDEX_URL": " ".join(sources.extra_indexes) or None,
        "UV_FIND_LINKS": ",".join(sources.find_links) or None,
        "UV_INSECURE_HOST": " ".join(sources.trusted_hosts) or None,
        "UV_CONSTRAINT": " ".join(sources.constraints) or None,
    }
    optional = {
        "UV_DEFAULT_INDEX": sources.index or "",
        "SSL_CERT_FILE": sources.certificate,
        "SSL_CLIENT_CERT": sources.client_certificate,
        "ALL_PROXY": sources.proxy,
        "UV_HTTP_TIMEOUT": str(int(sources.timeout)) if sources.timeout else "",
    }
    environment |= {name: value for name, value in optional.items() if value}
    flags = (*(("--offline",) if offline else ()), *(("--no-index",) if sources.no_index else ()))
    return Command((uv_program(), "pip", *arguments, "--no-config", *flags), env=environment)


def foretold(output: str) -> Iterator[tuple[str, bool]]:
    """Yield (``name==version``, from an index?) of each package that ``uv pip install --dry-run`` would install."""
    for line in output.splitlines():
        if found := _CHANGE.fullmatch(line.rstrip()):
            yield f"{found['name']}=={found['version']}", not found["source"]


def is_cached(output: str) -> bool:
    """Return whether all that ``uv pip install --dry-run`` would install is in its cache."""
    return "Would download" not in output
