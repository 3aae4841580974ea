"""Switches of generated settings files: they take effect, twice is the same as once, and undo is exact."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from envtool.clients import conda, pip
from envtool.clients.protocol import Scope
from envtool.operations.context import Context
from envtool.operations.mirror import switch as switch_mirror
from envtool.operations.steps import file_edits
from envtool.paths import Host
from envtool.reporter import Silent

TUNA, USTC = "https://mirrors.tuna.tsinghua.edu.cn", "https://mirrors.ustc.edu.cn"
ALIYUN = "https://mirrors.aliyun.com"
CHANNELS = [
    "defaults",
    "conda-forge",
    "bioconda",
    "nodefaults",
    "lab",
    "https://conda.lab.example/own",
    f"{TUNA}/anaconda/pkgs/free/",
    f"{TUNA}/anaconda/pkgs/main/linux-64/",
    f"{TUNA}/anaconda/pkgs/pro/",
    f"{TUNA}/anaconda/cloud/conda-forge/",
    f"{TUNA}/anaconda/cloud/conda-",
    f"{TUNA}/anaconda/cloud/dglteam",
    f"http{USTC[5:]}/anaconda/pkgs/main/",
    "https://repo.anaconda.com/pkgs/main",
    "https://conda.anaconda.org/conda-forge",
]
DEFAULTS = [url for url in CHANNELS if "/pkgs/" in url]
PARENTS = [
    f"{TUNA}/anaconda/cloud",
    f"{TUNA}/anaconda/cloud/",
    f"{USTC}/anaconda/cloud",
    f"{TUNA}/anaconda/cloud/conda-forge",
]
NAMES = ["conda-forge", "bioconda", "pytorch", "peterjc123", "auto", "msys2"]
INDEXES = [
    "https://pypi.tuna.tsinghua.edu.cn/simple",
    "http://pypi.douban.com/simple/",
    "https://pypi.mirrors.ustc.edu.cn/simple",
    "http://mirrors.aliyun.com/pypi/simple/",
]
HOSTS = ["pypi.douban.com", "mirrors.aliyun.com", "pip.lab.example", "https://pypi.tuna.tsinghua.edu.cn"]


@st.composite
def condarcs(draw: st.DrawFn) -> str:
    end = draw(st.sampled_from(["\n", "\r\n"]))
    blocks = []
    if channels := draw(st.lists(st.sampled_from(CHANNELS), max_size=5, unique=True)):
        blocks.append(["channels:", *(f"  - {item}" for item in channels)])
    if parts := draw(st.lists(st.sampled_from(DEFAULTS), max_size=3, unique=True)):
        blocks.append(["default_channels:", *(f"- {item}  # part" for item in parts)])
    names = draw(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(PARENTS), max_size=4))
    if names:
        blocks.append(["custom_channels:", *(f"  {name}: {url}" for name, url in names.items())])
    if draw(st.booleans()):
        blocks.append([f"channel_alias: {draw(st.sampled_from([TUNA + '/anaconda', USTC + '/anaconda/cloud']))}"])
    blocks.append(["# 注释", "auto_activate_base: false"])
    lines = [line for block in draw(st.permutations(blocks)) for line in block]
    return end.join(lines) + draw(st.sampled_from([end, ""]))


@st.composite
def pip_confs(draw: st.DrawFn) -> str:
    end = draw(st.sampled_from(["\n", "\r\n"]))
    lines: list[str] = []
    for section in draw(st.permutations(["global", "install"])):
        lines.append(f"[{section}]")
        if draw(st.booleans()):
            lines.append(f"index-url={draw(st.sampled_from(INDEXES))}")
        for name, pool in (("extra-index-url", [*INDEXES, "https://pip.lab.example/simple"]), ("trusted-host", HOSTS)):
            words: list[str] = draw(st.lists(st.sampled_from(pool), max_size=3, unique=True))
            one_line = draw(st.booleans())
            if words and one_line:
                lines.append(f"{name} = {' '.join(words)}")
            elif words:
                lines += [f"{name} =", *(f"    {word}" for word in words)]
        lines += ["# 注释", "timeout: 60"]
    return end.join(lines) + draw(st.sampled_from([end, ""]))


def account(folder: str) -> Host:
    return Host({}, Path(folder), "Linux", "x86_64")


def switch(host: Host, mirror: str) -> tuple[Path, ...]:
    planned = switch_mirror.plan_set(Context(host, Silent()), mirror, ("conda", "pip"), Scope("user"), clean=True)
    file_edits.carry_out(host, "mirror", planned.plan)
    return tuple(edit.path for edit in planned.plan.edits)


@pytest.mark.slow
@example("channels:\n  - defaults\n  - nodefaults\n# 注释\n", "# 注释\n", "aliyun")
@example(
    f"channels:\n  - {TUNA}/anaconda/pkgs/main/linux-64/\n  - {USTC}/anaconda/pkgs/main/\n# 注释\n",
    "# 注释\n",
    "aliyun",
)
@given(condarcs(), pip_confs(), st.sampled_from(["aliyun", "tsinghua", "ustc"]))
def test_any_files_switch_as_said_once_and_back(condarc: str, conf: str, mirror: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        host = account(folder)
        files = {Path(folder, ".condarc"): condarc.encode(), Path(folder, ".config/pip/pip.conf"): conf.encode()}
        for path, data in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        switch(host, mirror)
        site = {"aliyun": ALIYUN, "tsinghua": TUNA, "ustc": USTC}[mirror]
        merged = conda.in_force(host)
        assert merged.channels
        assert conda.channel_urls(merged, "conda-forge")[0][1] == f"{site}/anaconda/cloud/conda-forge"
        parts = [url for _, url in conda.channel_urls(merged, "defaults")]
        if mirror != "ustc":
            assert all(url.startswith(f"{site}/anaconda/pkgs/") for url in parts), parts
        assert not any(
            "pkgs/free" in name or name.endswith("conda-") or name == "nodefaults" for name in merged.channels
        )
        chosen = pip.settings(pip.layers(host))
        assert chosen["index-url"].value.startswith(site)
        assert not any("douban" in layer.values.get(key, "") for layer in pip.layers(host) for key in layer.values)
        texts = {path: path.read_bytes() for path in files}
        assert all("注释".encode() in data for data in texts.values())
        assert switch(host, mirror) == ()
        file_edits.undo(host, "mirror")
        assert {path: path.read_bytes() for path in files} == files


@pytest.mark.slow
@given(condarcs(), pip_confs())
def test_unset_only_takes_lines_away(condarc: str, conf: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        host = account(folder)
        path = Path(folder, ".config/pip/pip.conf")
        path.parent.mkdir(parents=True)
        path.write_bytes(conf.encode())
        Path(folder, ".condarc").write_bytes(condarc.encode())
        planned = switch_mirror.plan_unset(Context(host, Silent()), ("conda", "pip"), Scope("user"))
        file_edits.carry_out(host, "mirror", planned.plan)
        left = Path(folder, ".condarc").read_text(), path.read_text()
        assert not any(word in text for text in left for word in ("tuna", "ustc.edu", "douban"))
        before = {line.strip() for line in (*condarc.splitlines(), *conf.splitlines())}
        after = [line.strip() for text in left for line in text.splitlines()]
        named = {"- defaults", "- conda-forge", "- dglteam", "channels:"}
        assert all(line in before | named or " = " in line for line in after), after
