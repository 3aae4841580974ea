"""mamba's own configuration files: they may hold conda's settings, and take precedence over conda's files.

The places are those of libmamba 2.8 (``Configuration::compute_default_rc_sources``).
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from envtool.clients.conda.condarc import CondaLayer, expand_path, read_layer
from envtool.paths import Host


def layers(
    host: Host, root: Path | None = None, read_layer: Callable[[Path], CondaLayer] = read_layer
) -> list[CondaLayer]:
    """Return the layers of mamba's files, those of the machine and of the account, lowest precedence first."""
    return [read_layer(path) for path in _places(host, root) if path.is_file()]


def _places(host: Host, root: Path | None) -> Iterator[Path]:
    if host.system != "Windows":
        yield from (Path(folder) / ".mambarc" for folder in ("/etc/conda", "/var/lib/conda"))
    if root:
        yield root / ".mambarc"
    config = Path(host.environ.get("XDG_CONFIG_HOME") or host.home / ".config")
    for folder in (config / "mamba", host.home / ".mamba"):
        yield from (folder / name for name in (".mambarc", "mambarc"))
    yield host.home / ".mambarc"
    if named := host.environ.get("MAMBARC"):
        yield expand_path(host, named)
