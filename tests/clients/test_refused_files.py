"""Settings files that the clients themselves refuse: the verdict is the client's own, before anything is written."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.condas import CONDA
from support.home import Home

from envtool.clients import toml_text
from envtool.clients.protocol import Scope
from envtool.clients.uv import refusal
from envtool.errors import EnvtoolError, ExitCode
from envtool.operations.mirror import show, switch
from envtool.paths import Host

TUNA = "https://mirrors.tuna.tsinghua.edu.cn/pypi/web/simple"

UV = {  # what uv 0.13.9 says of it
    f'[index]\nurl = "{TUNA}"\ndefault = true\n': False,
    f'index = "{TUNA}"\n': False,
    f'index = ["{TUNA}"]\n': False,
    'pip = "x"\n': False,
    f'[[pip]]\nindex-url = "{TUNA}"\n': False,
    f'[[tool.uv.index]]\nurl = "{TUNA}"\n': False,
    f'[tool.uv]\nindex-url = "{TUNA}"\n': False,
    f'default-index = "{TUNA}"\n': False,
    f'index_url = "{TUNA}"\n': False,
    f'[global]\nindex-url = "{TUNA}"\n': False,
    'trusted-host = ["x"]\n': False,
    f'[[indexes]]\nurl = "{TUNA}"\n': False,
    '[[index]]\nname = "x"\n': False,
    f'[[index]]\nurl = "{TUNA}"\ndefault = "true"\n': False,
    f'extra-index-url = "{TUNA}"\n': False,
    f'index-url = ["{TUNA}"]\n': False,
    "[workspace]\nmembers = []\n": False,
    'index-url = "x\n': False,
    "": True,
    f'index-url = "{TUNA}"\nno-cache = false\n': True,
    f'[[index]]\nurl = "{TUNA}"\nfoo = 1\n': True,
    'index = []\n[pip]\nstrict = true\nindex-url = "https://a.example/simple"\n': True,
    "no-index = true\nfind-links = []\n": True,
}


def uv_accepts(text: str, folder: Path) -> bool:
    from uv import find_uv_bin

    path = folder / "judged.toml"
    path.write_text(text)
    command = [find_uv_bin(), "cache", "dir", "--config-file", str(path)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def host(home: Home, *, with_uv: bool) -> Host:
    from uv import find_uv_bin

    folder = Path(find_uv_bin()).parent if with_uv else home.path
    return Host({"PATH": str(folder)}, home.path, "Linux", "x86_64")


def error_of(call: Callable[[], object]) -> EnvtoolError | None:
    try:
        call()
    except EnvtoolError as error:
        return error
    return None


@pytest.mark.parametrize("with_uv", [True, False], ids=["asking uv", "without uv"])
@pytest.mark.parametrize("text", UV)
def test_what_uv_refuses_is_refused(home: Home, text: str, with_uv: bool) -> None:
    asked = host(home, with_uv=with_uv)
    error = error_of(lambda: refusal.check(toml_text.parsed(text, "uv.toml"), text, "uv.toml", asked))
    assert (error is None) == UV[text] == uv_accepts(text, home.path)
    assert error is None or (error.code, "uv.toml" in error.message) == (ExitCode.BAD_INPUT, True)


CONDARC = {  # what conda 26.7 says of it
    "channels: [a]\nx: 1\nchannels: [b]\n": False,
    "custom_channels:\n  a: http://x/y\n  a: http://x/z\n": False,
    "channels: [\n": False,
    "custom_channels:\n  - a: http://x/y\n": False,
    "custom_channels:\n  a: [http://x/y]\n": False,
    "custom_channels:\n  a: {b: c}\n": False,
    "custom_multichannels:\n  a: http://x/y\n": False,
    "custom_multichannels: [a]\n": False,
    "channels: a\n": False,
    "channels:\n  - {a: b}\n": False,
    "channels:\n  - [a]\n": False,
    "default_channels: http://x/y\n": False,
    "default_channels: {a: b}\n": False,
    "channel_alias: [http://x]\n": False,
    "channel_alias: x.example/y\n": False,
    "proxy_servers: [a]\n": False,
    "allowlist_channels: a\n": False,
    "- a\n- b\n": False,
    "": True,
    "channels:\n": True,
    "channels: []\ncustom_channels:\n": True,
    "channels: [1, true]\n": True,
    "custom_channels: {a: 1}\n": True,
    "show_channel_urls: [a]\n": True,
    "mirrored_channels: [a]\n": True,
}


@pytest.mark.slow
@pytest.mark.parametrize("text", CONDARC)
def test_what_conda_refuses_is_refused_by_show_set_and_unset(home: Home, text: str) -> None:
    path = home.path / ".condarc"
    path.write_text(text)
    errors = [
        error_of(lambda: switch.plan_set(home.context, "nju", ("conda",), Scope("user"))),
        error_of(lambda: switch.plan_unset(home.context, ("conda",), Scope("user"))),
    ]
    for error in errors:
        assert (error is None) == CONDARC[text]
        assert error is None or (error.code, str(path) in error.message) == (ExitCode.BAD_INPUT, True)
    view = show.show(home.context, home.path)[0]
    assert (view.broken == "") == CONDARC[text]


@pytest.mark.conda
def test_conda_itself_says_so(home: Home) -> None:
    python = Path(CONDA).resolve().parent / "python" if CONDA else Path("absent")
    if not python.exists():
        pytest.skip("no conda found: set ENVTOOL_TEST_CONDA to one")
    paths = []
    for number, text in enumerate(CONDARC):
        path = home.path / str(number) / ".condarc"
        path.parent.mkdir()
        path.write_text(text)
        paths.append(str(path))
    script = (
        "import sys\nfrom conda.base.context import context, reset_context\nfrom conda.models.channel import Channel\n"
        "for path in sys.argv[1:]:\n"
        "    try:\n"
        "        reset_context(search_path=(path,))\n"
        "        [Channel(name).base_urls for name in (*context.channels, 'defaults', 'conda-forge')]\n"
        "        context.proxy_servers, context.allowlist_channels, context.custom_multichannels\n"
        "        print('True')\n"
        "    except Exception:\n"
        "        print('False')\n"
    )
    done = subprocess.run([python, "-c", script, *paths], env=home.environ, capture_output=True, text=True, check=True)
    assert dict(zip(CONDARC, (line == "True" for line in done.stdout.split()), strict=True)) == CONDARC


PIXI = {
    'mirrors = "x"\n': False,
    "[[mirrors]]\n": False,
    '[mirrors]\n"https://a.example" = "https://b.example"\n': False,
    '[mirrors]\n"https://a.example" = [1]\n': False,
    "pypi-config = 1\n": False,
    "[pypi-config]\nindex-url = []\n": False,
    "mirrors = {}\n": True,
    "": True,
}


@pytest.mark.parametrize("text", PIXI)
def test_no_shape_of_pixis_file_ends_in_a_traceback(home: Home, text: str) -> None:
    path = home.path / ".pixi" / "config.toml"
    path.parent.mkdir()
    path.write_text(text)
    view = next(view for view in show.show(home.context, home.path) if view.client == "pixi")
    assert bool(view.broken) is not PIXI[text]
    for plan in (switch.plan_set(home.context, "nju", ("pip", "pixi"), Scope("user")),):
        assert [refused.client for refused in plan.refused] == ([] if PIXI[text] else ["pixi"])
        assert "pip" in plan.following
    unset = switch.plan_unset(home.context, ("pip", "pixi"), Scope("user"))
    assert bool(unset.refused) is not PIXI[text]
    assert path.read_text() == text


@pytest.mark.slow
@pytest.mark.parametrize("text", [text for text, fine in UV.items() if not fine])
def test_a_broken_file_of_uv_keeps_no_other_client_from_the_switch(home: Home, text: str) -> None:
    path = home.path / ".config/uv/uv.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    views = {view.client: view for view in show.show(home.context, home.path)}
    assert views["uv"].broken
    assert not views["pip"].broken
    for plan in (
        switch.plan_set(home.context, "nju", ("conda", "pip", "uv"), Scope("user")),
        switch.plan_unset(home.context, ("conda", "pip", "uv"), Scope("user")),
    ):
        assert [(refused.client, refused.code) for refused in plan.refused] == [("uv", ExitCode.BAD_INPUT)]
        assert not any(edit.path == path for edit in plan.plan.edits)


def test_the_command_names_the_refusal_and_switches_the_rest(home: Home) -> None:
    path = home.path / ".config/uv/uv.toml"
    path.parent.mkdir(parents=True)
    path.write_text(f'[index]\nurl = "{TUNA}"\n')
    ran = home.envtool("mirror", "set", "nju", "-t", "pip,uv")
    assert ran.code == ExitCode.BAD_INPUT
    assert "uv stops on its settings file" in ran.err
    assert "wrote" in ran.out
    data = home.envtool("mirror", "unset", "-t", "pip,uv", "--json").data
    assert [refused["client"] for refused in data["refused"]] == ["uv"]
