"""User agents of pip and conda, since some mirrors refuse some of them."""

import json
import platform
import ssl
from importlib import metadata

from envtool.paths import Host

_PIP = "26.2.1"  # where no pip is installed beside envtool
_CONDA = "26.7.1"
_REQUESTS = "2.32.5"


def pip(host: Host) -> str:
    """Return pip's user agent (``pip/_internal/network/session.py``)."""
    version = _version("pip") or _PIP
    data = {
        "ci": None,
        "cpu": host.machine,
        "implementation": {"name": platform.python_implementation(), "version": platform.python_version()},
        "installer": {"name": "pip", "version": version},
        "openssl_version": ssl.OPENSSL_VERSION,
        "python": platform.python_version(),
        "system": {"name": host.system, "release": platform.release()},
    }
    return f"pip/{version} {json.dumps(data, separators=(',', ':'), sort_keys=True)}"


def conda(host: Host) -> str:
    """Return conda's user agent (``conda/base/context.py``)."""
    python = f"{platform.python_implementation()}/{platform.python_version()}"
    return f"conda/{_CONDA} requests/{_REQUESTS} {python} {host.system}/{platform.release()}"


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
