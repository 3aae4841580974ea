"""Round trips that people are used to from conda and pip, on the embedded engine."""

import shlex

from support.channel.recipe import PYTHON
from support.home import Home


def test_what_list_e_prints_can_be_installed_and_created(home: Home, channel: str) -> None:
    (home.path / ".condarc").write_text(f"channels: [{channel}]\n")
    made = home.envtool("create", "-n", "demo", f"python={PYTHON}", "leaf=1.0", "--engine", "embedded", "-y")
    assert made.code == 0, made.err
    assert home.envtool("install", "-n", "demo", "--pip", "colorama==0.4.6").code == 0
    text = home.envtool("list", "-n", "demo", "-e").out
    assert {"leaf=1.0=0", "colorama=0.4.6=pypi_0"} <= {*text.splitlines()}
    (home.path / "requirements.txt").write_text(text)
    before = home.installed("demo")
    again = home.envtool("install", "-n", "demo", "--yes", "--file", "requirements.txt")
    assert again.code == 0, again.err
    assert home.installed("demo") == before
    other = home.envtool("create", "-n", "other", "--file", "requirements.txt", "--engine", "embedded")
    assert other.code == 0, other.err
    assert home.installed("other") == before


def test_upgrading_reaches_the_half_that_has_the_package(home: Home, channel: str) -> None:
    (home.path / ".condarc").write_text(f"channels: [{channel}]\n")
    made = home.envtool(*shlex.split("create -n demo leaf=1.0 --engine embedded --no-pip"))
    assert made.code == 0, made.err
    assert home.envtool("install", "-n", "demo", "leaf", "--yes").code == 0
    assert home.installed("demo")["leaf"] == "1.0"
    mixed = home.envtool("install", "-n", "demo", "-U", "leaf", "scripted", "--yes")
    assert "To update it: envtool update -n demo leaf" in mixed.err
    assert home.installed("demo")["leaf"] == "1.0"
    upgraded = home.envtool("install", "-n", "demo", "-U", "leaf", "--yes")
    assert upgraded.code == 0, upgraded.err
    assert home.installed("demo")["leaf"] == "2.0"
