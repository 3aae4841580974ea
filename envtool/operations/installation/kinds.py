"""The installation of envtool that is running: what made it, from what, and who updates and removes it."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from envtool import install_sh
from envtool.documents import parse_json
from envtool.files import read_file
from envtool.paths import Host

Kind = Literal["script", "venv", "pipx", "uv", "checkout", "pip"]

_PIP = (sys.executable, "-m", "pip")
SCRIPT = Path(install_sh.__file__).with_name("install.sh")


@dataclass(frozen=True)
class Installation:
    """An installation of envtool.

    - ``kind``: ``script``: install.sh made it; ``venv``: a venv ``~/.envtool`` for envtool alone, made by hand;
      ``checkout``: it runs from a checkout (``pip install -e``); ``pip``: any other environment.
    - ``prefix``: the folder that is envtool's alone, or the environment that it is installed in.
    - ``source``: what it was installed from, a path or a URL without login; "" where nobody noted that.
    - ``python``: the Python to update it with; "" lets install.sh look for one.
    """

    kind: Kind
    prefix: Path
    source: str = ""
    python: str = ""

    @property
    def by_script(self) -> bool:
        """Whether install.sh updates and removes it."""
        return self.kind in ("script", "venv")

    def update_command(self, source: str, index: str) -> tuple[str, ...]:
        """Return the command line that updates it, for a user to run; "" is the source or index in force."""
        if self.kind == "checkout":
            return "git", "-C", self.source, "pull"
        source = source or self.source
        if self.kind == "uv":
            return "uv", "tool", "install", "--reinstall", *(("--default-index", index) if index else ()), source
        program = ("pipx", "install", "--force") if self.kind == "pipx" else (*_PIP, "install", "--upgrade")
        return *program, *(("--index-url", index) if index else ()), source

    def uninstall_command(self) -> tuple[str, ...]:
        """Return the command line that removes it, for a user to run."""
        if self.kind == "pipx":
            return "pipx", "uninstall", "envtool"
        if self.kind == "uv":
            return "uv", "tool", "uninstall", "envtool"
        return *_PIP, "uninstall", "envtool"


def current(host: Host, prefix: Path | None = None) -> Installation:
    """Return the installation that is running, or the one whose environment is ``prefix``."""
    folder = prefix or Path(sys.prefix)
    record = _json(folder / "install.json")
    if (place := record.get("prefix")) and folder.parent == Path(str(place)):
        python = str(record.get("python") or "")
        return Installation(
            "script", Path(str(place)), str(record.get("source") or ""), python if Path(python).exists() else ""
        )
    source, is_editable = _origin(folder)
    if is_editable:
        return Installation("checkout", folder, source)
    if (folder / "uv-receipt.toml").is_file():
        return Installation("uv", folder, source)
    if (folder / "pipx_metadata.json").is_file():
        return Installation("pipx", folder, source)
    if (
        folder.resolve() == (host.home / ".envtool").resolve()
        and (folder / "pyvenv.cfg").is_file()
        and host.system != "Windows"
    ):
        return Installation("venv", folder, source)
    return Installation("pip", folder, source)


def link_of(host: Host, installation: Installation) -> Path | None:
    """Return the link on PATH that leads into an installation of the script, or None where there is none."""
    link = host.home / ".local/bin/envtool"
    return link if link.is_symlink() and link.readlink().is_relative_to(installation.prefix) else None


def _origin(folder: Path) -> tuple[str, bool]:
    """Return what an environment's envtool was installed from (PEP 610), and whether it runs from there."""
    from urllib.parse import unquote, urlsplit

    found = sorted(folder.glob("lib/python3*/site-packages/envtool-*.dist-info/direct_url.json"))
    found += sorted(folder.glob("Lib/site-packages/envtool-*.dist-info/direct_url.json"))
    record = _json(found[0]) if found else {}
    url = str(record.get("url") or "")
    details = record.get("dir_info")
    is_editable = isinstance(details, dict) and bool(details.get("editable"))
    if url.startswith("file:"):
        return unquote(urlsplit(url).path), is_editable
    if isinstance(vcs := record.get("vcs_info"), dict):
        url = f"{vcs.get('vcs')}+{url}"
    return url, is_editable


def _json(path: Path) -> dict[str, Any]:
    try:
        content = parse_json(read_file(path))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
