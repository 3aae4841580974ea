"""Switches of uv's, mamba's and pixi's files, and the exact way back."""

import json
import subprocess
from pathlib import Path

import pytest
from support.home import Home

from envtool.clients import toml_text
from envtool.clients.protocol import Scope
from envtool.errors import EnvtoolError
from envtool.operations.mirror import switch as switch_mirror
from envtool.operations.steps import file_edits

TUNA = "https://mirrors.tuna.tsinghua.edu.cn"
USER = Scope("user")

UV_FILES = {
    "absent": None,
    "crlf": "# mine\r\npreview = true   # yes\r\n\r\n[pip]\r\nstrict = true\r\n",
    "private first": '[[index]]\nname = "lab"\nurl = "https://pip.lab.example/simple"  # ours\n\n[[index]]\n'
    'url = "http://pypi.douban.com/simple"\ndefault = true\n',
    "old key": 'index-url = "https://pypi.tuna.tsinghua.edu.cn/simple"\nno-cache = false',
    "beside": '[[index]]\nurl = "https://mirrors.aliyun.com/pypi/simple/"\n',
}


def switch(home: Home, name: str, client: str) -> switch_mirror.Switch:
    planned = switch_mirror.plan_set(home.context, name, (client,), USER, clean=True)
    file_edits.carry_out(home.host, "mirror", planned.plan)
    return planned


@pytest.mark.parametrize("case", UV_FILES)
def test_uv_gets_the_mirror_as_its_default_index(home: Home, case: str) -> None:
    path = home.path / ".config/uv/uv.toml"
    if (before := UV_FILES[case]) is not None:
        path.parent.mkdir(parents=True)
        path.write_bytes(before.encode())
    switch(home, "ustc", "uv")
    data = toml_text.parse(path.read_text(), "x").unwrap()
    ruling = [index["url"] for index in data.get("index", []) if index.get("default")] or [data["index-url"]]
    assert ruling == ["https://mirrors.ustc.edu.cn/pypi/simple"]
    assert "python-build-standalone" in data["python-install-mirror"]
    text = path.read_bytes()
    assert (b"\r\n" in text) == (case == "crlf")
    assert text.count(b"\r\n") in (0, text.count(b"\n"))
    for kept in ("# mine", "# yes", "# ours"):
        assert (kept in text.decode()) == (kept in (UV_FILES[case] or ""))
    assert not switch_mirror.plan_set(home.context, "ustc", ("uv",), USER, clean=True).plan.edits
    file_edits.undo(home.host, "mirror")
    assert (path.read_bytes().decode() if path.exists() else None) == UV_FILES[case]


@pytest.mark.parametrize("case", UV_FILES)
def test_the_real_uv_takes_the_file(home: Home, case: str) -> None:
    from uv import find_uv_bin

    path = home.path / ".config/uv/uv.toml"
    path.parent.mkdir(parents=True)
    path.write_bytes((UV_FILES[case] or "").encode())
    switch(home, "tsinghua", "uv")
    (home.path / "pyproject.toml").write_text('[project]\nname="x"\nversion="0"\ndependencies=["no-such-thing-x"]\n')
    done = subprocess.run(
        [find_uv_bin(), "pip", "compile", "--offline", "-v", "pyproject.toml", "--no-cache"],
        env=dict(home.environ),
        cwd=home.path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Failed to parse" not in done.stderr
    assert "unknown field" not in done.stderr
    assert "mirrors.tuna.tsinghua.edu.cn" in done.stderr


def test_a_private_default_index_of_uv_stays(home: Home) -> None:
    path = home.path / ".config/uv/uv.toml"
    path.parent.mkdir(parents=True)
    path.write_text('[[index]]\nurl = "https://u:secret@pip.lab.example/simple"\ndefault = true\n')
    planned = switch(home, "tsinghua", "uv")
    assert not planned.plan.edits
    assert "secret" not in "".join(planned.notes)


def test_unset_keeps_uvs_other_settings(home: Home) -> None:
    path = home.path / ".config/uv/uv.toml"
    path.parent.mkdir(parents=True)
    path.write_text("preview = true\n")
    switch(home, "ustc", "uv")
    file_edits.carry_out(home.host, "mirror", switch_mirror.plan_unset(home.context, ("uv",), USER).plan)
    assert toml_text.parse(path.read_text(), "x").unwrap() == {"preview": True}


def test_pixi_falls_back_to_upstream(home: Home) -> None:
    path = home.path / ".pixi/config.toml"
    path.parent.mkdir()
    path.write_text('default-channels = ["conda-forge"] # mine\n')
    switch(home, "tsinghua", "pixi")
    data = toml_text.parse(path.read_text(), "x").unwrap()
    upstream = "https://conda.anaconda.org/conda-forge"
    assert data["mirrors"][upstream] == [f"{TUNA}/anaconda/cloud/conda-forge", upstream]
    assert data["mirrors"]["https://repo.anaconda.com/pkgs/main"][0] == f"{TUNA}/anaconda/pkgs/main"
    assert "# mine" in path.read_text()
    switch(home, "ustc", "pixi")
    data = toml_text.parse(path.read_text(), "x").unwrap()
    assert data["mirrors"][upstream][0] == "https://mirrors.ustc.edu.cn/anaconda/cloud/conda-forge"
    # what ustc lacks is still served by the one before
    assert data["mirrors"]["https://repo.anaconda.com/pkgs/main"][0] == f"{TUNA}/anaconda/pkgs/main"
    file_edits.carry_out(home.host, "mirror", switch_mirror.plan_unset(home.context, ("pixi",), USER).plan)
    assert toml_text.parse(path.read_text(), "x").unwrap() == {"default-channels": ["conda-forge"]}


def test_mamba_gets_conda_forge_only_and_only_where_it_is_in_use(home: Home) -> None:
    (home.path / ".condarc").write_text("channels: [defaults]\n")
    assert not switch(home, "tsinghua", "mamba").plan.edits
    (home.path / ".condarc").write_text("channels: [conda-forge]\n")
    switch(home, "tsinghua", "mamba")
    text = (home.path / ".mambarc").read_text()
    assert text.startswith("mirrored_channels:\n  conda-forge:\n    - https://mirrors.tuna")
    assert text.count("- ") == 2
    switch(home, "ustc", "mamba")
    assert "tuna" not in (home.path / ".mambarc").read_text()
    file_edits.undo(home.host, "mirror")
    assert (home.path / ".mambarc").read_text() == text


def test_only_the_programs_that_are_here_are_switched_unasked(home: Home, tmp_path: Path) -> None:
    host = type(home.host)({"PATH": str(tmp_path)}, home.path, "Linux", "x86_64")
    assert switch_mirror.targets(host, ()) == ("conda", "pip")
    (tmp_path / "pixi").write_text("#!/bin/sh\n")
    (tmp_path / "pixi").chmod(0o755)
    assert switch_mirror.targets(host, ()) == ("conda", "pip", "pixi")
    assert switch_mirror.targets(host, ("pip,uv",)) == ("pip", "uv")
    assert len(switch_mirror.targets(host, ("all",))) == 5
    with pytest.raises(EnvtoolError, match="poetry"):
        switch_mirror.targets(host, ("poetry",))


@pytest.mark.slow
def test_the_command_from_end_to_end(home: Home) -> None:
    listed = home.envtool("mirror", "list", "--json")
    assert {"tsinghua", "ustc", "aliyun"} <= {mirror["name"] for mirror in listed.data}
    dry = home.envtool("mirror", "set", "tuna", "--target", "conda,pip", "--dry-run")
    assert f"+index-url = {TUNA}/pypi/web/simple" in dry.out
    assert not (home.path / ".condarc").exists()
    done = home.envtool("mirror", "set", "tuna", "--target", "conda,pip")
    assert done.code == 0, done.err
    again = home.envtool("mirror", "set", "tuna", "--target", "conda,pip", "--json")
    assert again.data["files"] == []
    undone = home.envtool("mirror", "undo", "--json")
    assert sorted(undone.data["files"]) == sorted(
        [str(home.path / ".condarc"), str(home.path / ".config/pip/pip.conf")]
    )
    assert not (home.path / ".condarc").exists()
    assert not (home.path / ".config").exists()
    nothing = home.envtool("mirror", "undo")
    assert nothing.code == 0
    unknown = home.envtool("mirror", "set", "tsingua", "--json")
    assert unknown.code == 2
    assert "tsinghua" in json.loads(unknown.out)["errors"][0]["hint"]
