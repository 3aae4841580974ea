"""``-i``: one source for one command, on the embedded engine."""

from support.channel import recipe
from support.channel.server import Server
from support.home import Home


def test_a_mirror_by_name_serves_the_conda_half_this_once(home: Home, channel_server: Server) -> None:
    (home.path / ".condarc").write_text("channels: [conda-forge]\n")
    base = f"{channel_server.url}/{recipe.CHANNEL}".removesuffix("/cloud/conda-forge")
    assert home.envtool("mirror", "add", "lab", "--conda", base).code == 0
    made = home.envtool("create", "demo", "leaf", "-i", "lab", "--engine", "embedded")
    assert made.code == 0, made.err
    listed = home.envtool("list", "demo", "--json").data["packages"]
    assert {package["name"]: package["channel"].startswith(base) for package in listed} == {"leaf": True, "trunk": True}
    assert (home.path / ".condarc").read_text() == "channels: [conda-forge]\n"


def test_a_channel_by_its_address_serves_the_conda_half(home: Home, channel: str) -> None:
    (home.path / ".condarc").write_text("channels: []\n")
    made = home.envtool("create", "demo", "leaf=1.0", "-i", channel, "--engine", "embedded", "--no-pip")
    assert made.code == 0, made.err
    installed = home.envtool("install", "-n", "demo", "scripted", "-i", f"{channel}/", "--yes")
    assert installed.code == 0, installed.err
    assert {"leaf", "trunk", "scripted"} == home.installed("demo").keys()


def test_an_index_for_conda_packages_is_refused_before_anything_is_asked(home: Home, channel: str) -> None:
    ran = home.envtool("install", "leaf", "-i", "https://lab.invalid/simple", "-p", "nowhere")
    assert ran.code == 3
    assert home.envtool("create", "demo", "leaf", "-c", channel, "--engine", "embedded").code == 0
    ran = home.envtool("install", "-n", "demo", "scripted", "-i", "https://lab.invalid/simple", "-c", channel)
    assert (ran.code, "--pip scripted" in ran.err) == (2, True)
    assert "scripted" not in home.installed("demo")
