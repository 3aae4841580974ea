"""``~/.conda/environments.txt``: where conda looks for environments outside its own folders."""

from pathlib import Path

from envtool.files import write_atomically
from envtool.paths import Host


def register(host: Host, prefix: Path) -> None:
    """Add an environment, so that conda and its friends list it too."""
    lines = _lines(host)
    if str(prefix) not in lines:
        _write(host, [*lines, str(prefix)])


def unregister(host: Host, prefix: Path) -> None:
    """Take an environment out; all other lines stay as they are."""
    lines = _lines(host)
    if str(prefix) in lines:
        _write(host, [line for line in lines if line != str(prefix)])


def registered(host: Host, prefix: Path) -> bool:
    """Return whether an environment is in the list."""
    return str(prefix) in _lines(host)


def _path(host: Host) -> Path:
    return host.home / ".conda" / "environments.txt"


def _lines(host: Host) -> list[str]:
    try:
        return _path(host).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []


def _write(host: Host, lines: list[str]) -> None:
    write_atomically(_path(host), "".join(f"{line}\n" for line in lines).encode())
