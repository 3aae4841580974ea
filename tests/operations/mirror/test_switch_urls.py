"""Peculiar entries found in real settings files, each one switched, undone and removed."""

from typing import Protocol

import pytest
from support.home import Home

from envtool.clients import conda, pip
from envtool.clients.protocol import Scope
from envtool.errors import EnvtoolError
from envtool.mirrors import catalogue, url_matching
from envtool.operations.mirror import show, switch
from envtool.operations.steps import file_edits

TUNA = "https://mirrors.tuna.tsinghua.edu.cn"
ALIYUN = "https://mirrors.aliyun.com"
UPSTREAM = "https://conda.anaconda.org"
PLACES = {
    "conda": ".condarc",
    "mamba": ".mambarc",
    "pip": ".config/pip/pip.conf",
    "uv": ".config/uv/uv.toml",
}


class Change(Protocol):
    """Switches one client's file to Aliyun, or away from all, and returns its text."""

    def __call__(self, client: str, text: str | bytes, *, away: bool = False) -> str: ...


@pytest.fixture
def change(home: Home) -> Change:
    """Return a function that switches one client's file to Aliyun, or away from all, and returns its text."""

    def change(client: str, text: str | bytes, *, away: bool = False) -> str:
        path = home.path / PLACES[client]
        path.parent.mkdir(parents=True, exist_ok=True)
        before = text if isinstance(text, bytes) else text.encode()
        path.write_bytes(before)
        if away:
            plan = switch.plan_unset(home.context, (client,), Scope("user"))
        else:
            plan = switch.plan_set(home.context, "aliyun", (client,), Scope("user"), clean=True)
        file_edits.carry_out(home.host, "mirror", plan.plan)
        after = path.read_bytes()
        if plan.plan.edits:
            file_edits.undo(home.host, "mirror")
        assert path.read_bytes() == before
        path.write_bytes(after)
        again = switch.plan_set(home.context, "aliyun", (client,), Scope("user"), clean=True)
        assert away or not again.plan.edits
        return after.decode()

    return change


def test_fallback_lists_in_condas_file_move_too(change: Change) -> None:
    text = (
        f"channels: [lab]\nmirrored_channels:\n  conda-forge:\n    - {TUNA}/anaconda/cloud/conda-forge/\n"
        f"    - {UPSTREAM}/conda-forge\n  lab:\n    - https://lab.example/lab\n"
    )
    assert f"    - {ALIYUN}/anaconda/cloud/conda-forge\n    - {UPSTREAM}/conda-forge\n  lab:" in change("conda", text)
    left = change("conda", text, away=True)
    assert left == "channels: [lab]\nmirrored_channels:\n  lab:\n    - https://lab.example/lab\n"


def test_condas_settings_in_mambas_file_move_without_additions(change: Change) -> None:
    text = f"channels: [bioconda]\ncustom_channels:\n  bioconda: {TUNA}/anaconda/cloud  # fast\n"
    assert change("mamba", text) == text.replace(TUNA, ALIYUN)
    assert change("mamba", text, away=True) == "channels: [bioconda]\n"


def test_uvs_own_table_for_uv_pip_moves(change: Change, home: Home) -> None:
    text = (
        f'[pip]\nindex-url = "{TUNA}/pypi/web/simple"\nextra-index-url = ["https://lab.example/s", "{ALIYUN}/simple"]\n'
    )
    after = change("uv", text)
    assert f'index-url = "{ALIYUN}/pypi/simple"' in after
    assert 'extra-index-url = ["https://lab.example/s"]' in after
    view = next(view for view in show.show(home.context, home.path) if view.client == "uv")
    assert any(line.key == "pip.index-url" and line.site == "aliyun" for line in view.lines)
    assert change("uv", text, away=True) == '[pip]\nextra-index-url = ["https://lab.example/s"]\n'
    assert change("uv", f'[pip]\nindex-url = "{TUNA}/pypi/web/simple"\n', away=True).strip() == ""


@pytest.mark.parametrize(
    "value", [f'"{TUNA}/pypi/web/simple"', f"{TUNA}/pypi/web/simple  # 清华", "https://pypi.douban.com"]
)
def test_an_index_that_pip_cannot_use_is_known_for_what_was_meant(change: Change, home: Home, value: str) -> None:
    text = f"[global]\nindex-url = {value}\ntimeout = 9\n"
    assert change("pip", text) == f"[global]\nindex-url = {ALIYUN}/pypi/simple\ntimeout = 9\n"
    assert change("pip", text, away=True) == "[global]\ntimeout = 9\n"
    (home.path / PLACES["pip"]).write_text(text, encoding="utf-8")
    view = next(view for view in show.show(home.context, home.path) if view.client == "pip")
    assert any("part of the URL" in warning or "retired" in warning for warning in view.warnings)


def test_an_index_among_the_find_links_goes(change: Change) -> None:
    text = "[global]\nfind-links =\n    https://lab.example/wheels\n    http://pypi.douban.com\n"
    assert "douban" not in change("pip", text)
    assert "lab.example" in change("pip", text, away=True)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[global]\nindex-url = https://a.example\n[global]\ntimeout = 1\n", 3),
        ("[global]\nindex-url = https://a.example\nindex-url = https://b.example\n", 3),
        ("index-url = https://a.example\n", 1),
    ],
)
@pytest.mark.parametrize("away", [False, True])
def test_what_pip_itself_stops_on_is_refused_with_its_line(
    change: Change, home: Home, text: str, line: int, away: bool
) -> None:
    with pytest.raises(EnvtoolError, match=rf"line {line}: .*[^.]\.$"):
        change("pip", text, away=away)
    assert (home.path / PLACES["pip"]).read_text() == text


@pytest.mark.parametrize(("client", "encoding"), [("pip", "utf-8-sig"), ("pip", "utf-16"), ("conda", "utf-16")])
def test_a_form_that_the_client_cannot_read_becomes_plain(
    change: Change, home: Home, client: str, encoding: str
) -> None:
    text = {"pip": f"[global]\r\nindex-url = {TUNA}/pypi/web/simple\r\n", "conda": "channels: [conda-forge]\r\n"}[
        client
    ]
    assert change(client, text.encode(encoding)).isascii()
    host = home.host
    reading = (
        pip.in_force(host).index if client == "pip" else conda.channel_urls(conda.in_force(host), "conda-forge")[0][1]
    )
    assert reading
    assert reading.startswith(ALIYUN)


def test_bare_names_as_parts_of_defaults_become_urls(change: Change) -> None:
    after = change("conda", "channels: [defaults]\ndefault_channels:\n  - main\n  - r\n")
    assert f"default_channels:\n  - {ALIYUN}/anaconda/pkgs/main\n  - {ALIYUN}/anaconda/pkgs/r\n" in after


def test_comments_inside_what_is_removed_stay(change: Change) -> None:
    text = (
        f"channels: [lab]\ndefault_channels:\n  # 清华\n  - {TUNA}/anaconda/pkgs/main\n#  - {ALIYUN}/x\n"
        f"  - {TUNA}/anaconda/pkgs/r\nssl_verify: true\n"
    )
    assert change("conda", text, away=True) == f"channels: [lab]\n  # 清华\n#  - {ALIYUN}/x\nssl_verify: true\n"


@pytest.mark.parametrize(
    ("url", "mirror", "channel", "alive"),
    [
        (f"{ALIYUN}/pkgs/msys2", "aliyun", "pkgs/msys2", False),
        (f"{ALIYUN}/simple/", "aliyun", "", False),
        ("https://pypi.douban.com/anaconda/cloud/menpo/", "douban", "menpo", False),
        ("http://pypi.douban.com", "douban", "", False),
        ("https://pypi.tuna.tsinghua.edu.cn//", "tsinghua", "", False),
        ("https://opentuna.cn/pypi/web/simple", "opentuna", "", False),
        ("https://anaconda.mirrors.sjtug.sjtu.edu.cn/pkgs/main", "sjtu", "pkgs/main", True),
        ("https://mirror.sjtu.edu.cn/pypi-packages", "sjtu", "", False),
        ("https://mirror.sjtu.edu.cn/pypi-packages/simple/", "sjtu", "", False),
        (f"{TUNA}/sample", "tsinghua", "", False),
        (f"{TUNA}/help/pypi", "tsinghua", "", False),
        (f"{ALIYUN}/docker-ce", "aliyun", "", False),
        ("https://mirrors.nju.edu.cn/pytorch/whl", "nju", "", True),
        ("https://mirrors.nju.edu.cn/pytorch/whl/cu126", "nju", "", True),
        ("https://mirrors.ivolces.com/pypi/simple/", "volcengine", "", True),
        ("http://mirrors.aliyuncs.com/pypi/simple/", "aliyun", "", True),
        ("http://pypi.sdutlinux.org/", "sdutlinux", "", False),
        ("http://mirrors.sohu.com/python/", "sohu", "", False),
    ],
)
def test_mistaken_addresses_of_known_sites_are_theirs(
    home: Home, url: str, mirror: str, channel: str, alive: bool
) -> None:
    found = url_matching.UrlMatcher(catalogue.load(home.host)).match(url)
    assert found is not None
    assert (found.mirror, found.channel, found.alive) == (mirror, channel, alive)


@pytest.mark.parametrize(
    "url",
    [
        "https://lab.example/pkgs/main",
        "https://mirror.nju.edu.cn/jetson-pypi/jp6/cu126/+simple",
        "https://mirrors.tencent.com/repository/pypi/a_team/simple",
    ],
)
def test_other_addresses_are_not(home: Home, url: str) -> None:
    assert url_matching.UrlMatcher(catalogue.load(home.host)).match(url) is None


def test_a_duplicate_key_is_reported_with_its_line(change: Change) -> None:
    with pytest.raises(EnvtoolError, match="line 3"):
        change("uv", 'index-url = "https://a.example/s"\n\nindex-url = "https://b.example/s"\n')


@pytest.mark.parametrize("client", ["conda", "mamba"])
def test_a_tab_that_some_parsers_reject_is_reported_with_its_line(change: Change, client: str) -> None:
    with pytest.raises(EnvtoolError, match="line 2"):
        change(client, "always_yes: true\n  \t# vim\n")
