"""pip among the pip packages: a file that pins it is not held to the pip that envtool adds by itself."""

from pathlib import Path

import pytest
from support.channel.recipe import PYTHON
from support.home import Home
from support.wheels import wheel


@pytest.fixture
def old_pip(home: Home, tmp_path: Path) -> None:
    """An index that has nothing but an old pip."""
    wheel(tmp_path, "pip", "20.0", {"pip/__init__.py": "__version__ = '20.0'\n"})
    home.environ.update({"PIP_CONFIG_FILE": "/dev/null", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)})


@pytest.mark.usefixtures("old_pip")
@pytest.mark.parametrize("packages", [f"[python={PYTHON}]", f"[python={PYTHON}, pip]"])
def test_a_pinned_pip_takes_the_place_of_the_one_that_envtool_adds(home: Home, channel: str, packages: str) -> None:
    file = home.path / "environment.yml"
    file.write_text(f"channels: ['{channel}']\ndependencies: {packages[:-1]}, {{pip: [pip==20.0]}}]\n")
    ran = home.envtool("create", "demo", "-f", str(file))
    assert ran.code == 0, ran.err
    assert home.installed("demo")["pip"] == "20.0"


@pytest.mark.usefixtures("old_pip")
def test_a_pinned_pip_is_installed_over_the_one_that_is_there(home: Home, channel: str) -> None:
    assert home.envtool("create", "demo", f"python={PYTHON}", "-c", channel).code == 0
    requirements = home.path / "requirements.txt"
    requirements.write_text("pip==20.0\n")
    ran = home.envtool("install", "-n", "demo", "-r", str(requirements), "--yes")
    assert ran.code == 0, ran.err
    assert home.installed("demo")["pip"] == "20.0"
