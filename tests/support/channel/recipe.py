"""The contents of the local channel: the running Python, a few wheels, a few small packages."""

import os
import sys
from pathlib import Path

from support.channel import packages

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
WHEELS = ("pip", "six==1.16.0", "six==1.17.0", "idna", "numpy", "packaging")
CHANNEL = "anaconda/cloud/conda-forge"  # where it lies under the root, as on a mirror


def build(root: Path) -> None:
    """Write the channel's packages and its index under a root, in a mirror's layout."""
    forge = root / CHANNEL
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


def built(folder: Path) -> Path:
    """Return the root of the channel in a cache folder (ENVTOOL_TEST_CACHE where it is set), built if need be."""
    cache = Path(os.environ.get("ENVTOOL_TEST_CACHE") or folder)
    return packages.build_once(cache, packages.fingerprint(Path(packages.__file__), Path(__file__)), build)
