"""Fixtures for verbs that install packages: an account that finds them in one folder, without a network."""

from dataclasses import replace
from pathlib import Path

import pytest
from support import environments
from support.home import Home
from support.wheels import wheel

from envtool.model import Environment, Spec
from envtool.operations.create import CreateRequest, create


@pytest.fixture
def wheel_folder(tmp_path: Path) -> Path:
    """Small wheels: pip, and two versions of two packages."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name in ("pip", "alpha", "beta"):
        for version in ("1.0", "2.0"):
            wheel(folder, name, version, {f"{name}.py": f"version = {version!r}\n"})
    return folder


@pytest.fixture
def account(home: Home, wheel_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A clean account that takes pip packages from that folder, and no conda packages at all.

    What is started from this process sees it, too.
    """
    (home.path / ".condarc").write_text("channels: ['http://127.0.0.1:9/closed']\n")
    only = {"PIP_CONFIG_FILE": "/dev/null", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheel_folder)}
    environ = {name: value for name, value in home.environ.items() if not name.startswith("PIP_")} | only
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return replace(home, environ=environ)


@pytest.fixture
def demo(account: Home) -> Environment:
    """A venv ``demo`` with pip and the older alpha."""
    create(account.context, CreateRequest("demo", Spec(pip=("alpha==1.0",)), engine="venv"))
    return environments.resolve(account.host, "demo")
