"""Files that uv refuses: asked of the uv on PATH, else by the settings that uv 0.13 knows."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from envtool.clients.uv import check_shape, refused
from envtool.i18n import tr
from envtool.paths import Host
from envtool.process import Command, capture, find

# Every setting of uv 0.13.9's uv.toml: uv refuses a file with any other one as a whole.
_KNOWN = frozenset(
    """
    required-version system-certs native-tls offline no-cache cache-dir preview preview-features python-preference
    python-downloads concurrent-downloads concurrent-builds concurrent-installs index index-url extra-index-url no-index
    find-links index-strategy keyring-provider http-proxy https-proxy no-proxy allow-insecure-host resolution prerelease
    prerelease-package fork-strategy dependency-metadata config-settings config-settings-package no-build-isolation
    require-build-hashes no-build-isolation-package extra-build-dependencies extra-build-variables exclude-newer
    exclude-newer-package link-mode compile-bytecode no-sources no-sources-package upgrade upgrade-package reinstall
    reinstall-package no-build no-build-package no-binary no-binary-package torch-backend python-install-mirror
    pypy-install-mirror graalpy-install-mirror pyodide-install-mirror python-downloads-json-url publish-url
    trusted-publishing check-url add-bounds audit pip cache-keys override-dependencies exclude-dependencies
    constraint-dependencies build-constraint-dependencies environments required-environments minimum-libc-version
    """.split()
)
_OF_A_PROJECT = frozenset(
    """
    conflicts workspace sources managed package default-groups dependency-groups dev-dependencies build-backend
    """.split()
)


def check(values: Mapping[str, Any], text: str, source: str, host: Host) -> None:
    """Raise EnvtoolError (BAD_INPUT) where uv refuses a ``uv.toml`` with this text, if possible with its own reason."""
    if "tool" in values:
        raise refused(source, tr("[tool.uv] belongs in pyproject.toml; here its settings stand at the top: [[index]]"))
    check_shape(values, source)
    unknown = next((key for key in values if key not in _KNOWN), "")
    if unknown in _OF_A_PROJECT:
        raise refused(source, tr("`{key}` belongs in pyproject.toml", key=unknown))
    if program := find("uv", host.environ.get("PATH", "")):
        if reason := _reason(program, text, host):
            raise refused(source, reason)
    elif unknown:
        raise refused(source, tr("uv knows no setting `{key}`", key=unknown))


def _reason(program: str, text: str, host: Host) -> str:
    """Return why uv refuses a settings file with this text, or "" where it accepts it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "uv.toml")
        path.write_text(text, encoding="utf-8", newline="")
        unset: dict[str, str | None] = {name: None for name in host.environ if name.startswith("UV_")}
        command = Command((str(program), "--no-progress", "cache", "dir", "--config-file", str(path)), env=unset)
        done = capture(command, timeout=20)
    lines = [line.strip() for line in done.stderr.splitlines()]
    if done.returncode == 0 or not any("Failed to parse" in line for line in lines):
        return ""
    where = next((line.partition(" at ")[2] for line in lines if "TOML parse error at" in line), "")
    what = lines[-1].partition(", expected one of")[0].rstrip(".")
    return tr("{place}: {reason}", place=where, reason=what) if where else what.replace(str(path), os.curdir)
