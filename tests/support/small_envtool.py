"""Small envtools to install: wheels that print a version, and an index that has pip and nothing else."""

import hashlib
import sysconfig
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support.mirror_site import Site, serve

PACKAGE = Path(__file__).parents[2] / "envtool"
# What of envtool the script and its helper may stand on.
NEEDED = ("install.sh", *sorted(path.name for path in PACKAGE.glob("[!_]*.py")))


def wheel(folder: Path, version: str, *, needs: str = "", body: str = "") -> Path:
    """Make a wheel of a small envtool that prints its version, with the script in it."""
    path = folder / f"envtool-{version}-py3-none-any.whl"
    info, say = f"envtool-{version}.dist-info", f"print('envtool {version}')"
    metadata = f"Metadata-Version: 2.1\nName: envtool\nVersion: {version}\n" + (
        f"Requires-Dist: {needs}\n" if needs else ""
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("envtool/__init__.py", f"def main():\n    {body or say}\n")
        for name in NEEDED:
            archive.write(PACKAGE / name, f"envtool/{name}")
        archive.write(PACKAGE.parent / "mirrors.yaml", "envtool/mirrors/mirrors.yaml")
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/entry_points.txt", "[console_scripts]\nenvtool = envtool:main\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def pip_wheel() -> Path:
    """Return the wheel of pip that this Python brings."""
    return next(Path(sysconfig.get_path("stdlib"), "ensurepip", "_bundled").glob("pip-*.whl"), None) or pytest.skip(
        "this Python has no ensurepip to take a pip from"
    )


@contextmanager
def index(*, digest: str = "", **switches: Any) -> Iterator[Site]:
    """Serve an index that has pip and nothing else."""
    pip = pip_wheel()
    digest = digest or hashlib.sha256(pip.read_bytes()).hexdigest()
    link = f'<a href="../../files/{pip.name}#sha256={digest}" data-requires-python="&gt;=3.7">{pip.name}</a>'
    files = {"/simple/pip/": link.encode(), f"/files/{pip.name}": pip.read_bytes()}
    with serve(files, **switches) as site:
        yield site
