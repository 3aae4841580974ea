"""``envtool mirror show``: every file that counts, which setting wins, which are hidden, and what is wrong."""

from pathlib import Path
from typing import Protocol

import pytest
from support.home import Home
from support.layouts import conda_env

from envtool.operations.context import Context
from envtool.operations.mirror import show as show_mirrors
from envtool.operations.mirror.show import View
from envtool.paths import Host
from envtool.reporter import Silent

TUNA = "https://mirrors.tuna.tsinghua.edu.cn"


class Show(Protocol):
    """Shows what is in force in a home, in a folder and under these variables: by client."""

    def __call__(self, folder: Path | None = None, **variables: str) -> dict[str, View]: ...


@pytest.fixture
def account(home: Home) -> Show:
    """Return a function that shows what is in force in this home, under given variables."""

    def show(folder: Path | None = None, **variables: str) -> dict[str, View]:
        environ = {"HOME": str(home.path), "XDG_CONFIG_DIRS": str(home.path / "xdg"), **variables}
        host = Host(environ, home.path, "Linux", "x86_64")
        return {view.client: view for view in show_mirrors.show(Context(host, Silent()), folder or home.path)}

    return show


def write(home: Home, name: str, text: str) -> Path:
    path = home.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_nothing_configured_is_upstream(account: Show) -> None:
    views = account()
    assert views["conda"].resolved["conda-forge"] == ("https://conda.anaconda.org/conda-forge",)
    assert any("No channel is configured" in warning for warning in views["conda"].warnings)
    assert views["pip"].resolved["pip install x"] == ("the default index",)
    assert views["uv"].resolved["uv pip install x"] == ("the default index",)


def test_the_winning_line_is_marked_and_the_others_are_hidden(home: Home, account: Show) -> None:
    low = write(home, ".pip/pip.conf", "[global]\nindex-url = https://pypi.mirrors.ustc.edu.cn/simple\n")
    high = write(home, ".config/pip/pip.conf", f"[global]\nindex-url = {TUNA}/pypi/web/simple\n")
    lines = {(line.source, line.effect, line.site) for line in account()["pip"].lines if line.key.endswith("index-url")}
    assert lines == {(str(low), "hidden", "ustc"), (str(high), "wins", "tsinghua")}
    view = account(PIP_INDEX_URL="https://mirrors.aliyun.com/pypi/simple")["pip"]
    assert view.resolved["pip install x"] == ("https://mirrors.aliyun.com/pypi/simple",)
    assert any("PIP_INDEX_URL" in warning for warning in view.warnings)


def test_what_hides_or_weakens_a_setting_is_said(home: Home, account: Show) -> None:
    write(
        home,
        ".pip/pip.conf",
        "[global] trusted-host=mirrors.aliyun.com index-url=http://mirrors.aliyun.com/pypi/simple",
    )
    write(
        home,
        ".config/pip/pip.conf",
        "# 镜像\n[global]\nindex-url = http://pypi.douban.com/simple\n[install]\ntrusted-host = https://x.example\n",
    )
    said = "\n".join(account()["pip"].warnings)
    for piece in ("line 1: pip ignores", "retired", "mirror set tsinghua", "plain ASCII", "a URL as trusted-host"):
        assert piece in said


def test_the_environments_file_beats_the_users(home: Home, account: Show) -> None:
    write(home, ".config/pip/pip.conf", f"[global]\nindex-url = {TUNA}/pypi/web/simple\n")
    prefix = conda_env(home.path / "envs" / "dl")
    (prefix / "pip.conf").write_text("[global]\nindex-url = https://pip.lab.example/simple\n")
    view = account(CONDA_PREFIX=str(prefix))["pip"]
    assert view.resolved["pip install x"] == ("https://pip.lab.example/simple",)
    assert any(str(prefix / "pip.conf") in warning for warning in view.warnings)


def test_conda_s_layers_and_their_traps(home: Home, account: Show) -> None:
    write(home, ".config/conda/.condarc", f"default_channels:\n  - {TUNA}/anaconda/pkgs/main\n")
    write(
        home,
        ".condarc",
        "channels: [defaults, nodefaults]\nchannel_alias: https://mirrors.ustc.edu.cn/anaconda/cloud\n"
        "default_channels: [http://mirrors.aliyun.com/anaconda/pkgs/main]\n"
        "custom_channels: {peterjc123: " + TUNA + "/anaconda/cloud, lab: https://u:secret@lab.example}\n",
    )
    view = account()["conda"]
    said = "\n".join(view.warnings)
    for piece in (
        "several sites at once: aliyun, tsinghua",
        "sends every channel to ustc",
        "nodefaults",
        "not encrypted",
    ):
        assert piece in said
    assert "does not serve" in said
    assert view.resolved["defaults"][0] == "http://mirrors.aliyun.com/anaconda/pkgs/main"
    shown = repr(view)
    write(home, ".config/pip/pip.conf", "[global]\nindex-url = http://u:secret@mirrors.aliyun.com/pypi/simple\n")
    shown += repr(account()["pip"])
    assert "secret" not in shown
    assert "lab.example" in shown


def test_uv_s_own_settings_and_its_lock(home: Home, account: Show, tmp_path: Path) -> None:
    write(home, ".config/pip/pip.conf", f"[global]\nindex-url = {TUNA}/pypi/web/simple\n")
    assert any("uv reads none of pip's" in warning for warning in account()["uv"].warnings)
    write(home, ".config/uv/uv.toml", f'[[index]]\nurl = "{TUNA}/pypi/web/simple"\ndefault = true\n')
    (tmp_path / "uv.lock").write_text(
        'version = 1\n[[package]]\nname = "x"\nversion = "1"\n'
        'source = { registry = "https://mirrors.aliyun.com/pypi/simple" }\n'
    )
    view = account(tmp_path)["uv"]
    assert view.resolved["uv pip install x"] == (f"{TUNA}/pypi/web/simple",)
    assert any("mirrors.aliyun.com" in warning for warning in view.warnings)
    assert account(UV_DEFAULT_INDEX="https://pip.lab.example/simple")["uv"].resolved == {
        "uv pip install x": ("https://pip.lab.example/simple",)
    }


@pytest.mark.slow
def test_mamba_and_pixi_show_their_fallback_lists(home: Home, account: Show) -> None:
    home.envtool("mirror", "set", "tsinghua", "--target", "all")
    views = account()
    expected = (f"{TUNA}/anaconda/cloud/conda-forge", "https://conda.anaconda.org/conda-forge")
    assert views["mamba"].resolved["conda-forge"] == expected
    assert views["pixi"].resolved["https://conda.anaconda.org/conda-forge"] == expected
    text = home.envtool("mirror", "show")
    assert text.code == 0
    assert "[tsinghua]" in text.out
    assert home.envtool("mirror", "show", "--json").data[0]["client"] == "conda"


def test_the_preferred_torch_mirror_is_shown(home: Home, account: Show) -> None:
    assert account()["envtool"].resolved["PyTorch wheels"][0] == "https://download.pytorch.org/whl"
    home.envtool("mirror", "set", "nju", "--torch")
    view = account()["envtool"]
    assert "nju" in view.resolved["PyTorch wheels"][1]
    assert view.lines[0].effect == "wins"


def test_a_broken_file_is_named_with_its_line_and_hides_nothing_of_the_others(home: Home, account: Show) -> None:
    write(home, ".condarc", "channels: [\n")
    write(home, ".config/pip/pip.conf", f"[global]\nindex-url = {TUNA}/simple\n")
    views = account()
    assert "line 2" in views["conda"].broken
    assert views["pip"].resolved["pip install x"] == (f"{TUNA}/simple",)
    write(home, ".config/pip/pip.conf", "index-url = x\n")
    assert "pip.conf" in account()["pip"].broken
    shown = home.envtool("mirror", "show")
    assert (shown.code, shown.out.count("error: ")) == (4, 2)


def test_a_channel_alias_in_a_file_is_hidden_by_the_variable(home: Home, account: Show) -> None:
    (home.path / ".condarc").write_text(f"channel_alias: {TUNA}/anaconda/cloud\n")
    lines = account()["conda"].lines
    assert [(line.key, line.effect) for line in lines] == [("channel_alias", "wins")]
    lines = account(CONDA_CHANNEL_ALIAS="https://lab.example")["conda"].lines
    assert [(line.source, line.effect) for line in lines] == [
        (str(home.path / ".condarc"), "hidden"),
        ("CONDA_*", "wins"),
    ]
