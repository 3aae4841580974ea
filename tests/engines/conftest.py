"""The channel that every engine is tried on, and a home that knows of it."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.channel import packages, server

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
WHEELS = ("pip", "six==1.16.0", "six==1.17.0", "idna", "numpy", "packaging")


def _build(root: Path) -> None:
    forge = root / "anaconda" / "cloud" / "conda-forge"
    forge.mkdir(parents=True)
    packages.pack_python(forge)
    for wheel in (w for spec in WHEELS for w in packages.download_wheels(root / "wheels" / spec, (spec,))):
        packages.pack_wheel(forge, wheel)
    packages.tiny(forge, "leaf", "1.0", depends=("trunk",))
    packages.tiny(forge, "leaf", "2.0", depends=("trunk",))
    packages.tiny(
        forge, "trunk", "1.0", files={"share/trunk/where": "{prefix}\n", "bin/trunk": "#!/bin/sh\necho {prefix}\n"}
    )
    packages.tiny(forge, "scripted", "1.0", files={"bin/.scripted-post-link.sh": 'echo "$PREFIX" > "$PREFIX/said"\n'})
    packages.tiny(forge, "failing", "1.0", files={"bin/.failing-post-link.sh": "echo no luck >&2; exit 3\n"})
    packages.index(forge)


@pytest.fixture(scope="session")
def channel_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The channel's files, under a mirror's layout. ENVTOOL_TEST_CACHE keeps them from run to run."""
    if reason := packages.why_python_cannot_be_packed():
        pytest.skip(reason)
    cache = Path(os.environ.get("ENVTOOL_TEST_CACHE") or tmp_path_factory.mktemp("channel"))
    return packages.build_once(cache, packages.fingerprint(Path(packages.__file__), Path(__file__)), _build)


@pytest.fixture
def channel_server(channel_folder: Path) -> Iterator[server.Server]:
    """The channel, served over HTTP."""
    with server.serve(channel_folder) as running:
        yield running


@pytest.fixture
def channel(channel_server: server.Server) -> str:
    """The channel's address."""
    return f"{channel_server.url}/anaconda/cloud/conda-forge"
