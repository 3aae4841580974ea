"""Switched files, judged by conda's own code and pip's own command."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.condas import CONDA
from support.home import Home

from envtool.clients.protocol import Scope
from envtool.operations.mirror import switch
from envtool.operations.steps import file_edits

CASES = sorted((Path(__file__).parents[2] / "cases" / "configuration").glob("*.*"))
ALIYUN = "https://mirrors.aliyun.com"
BROKEN = ("anchors", "twice")


def switched(home: Home, case: Path, client: str) -> Path:
    target = home.path / (".condarc" if client == "conda" else ".config/pip/pip.conf")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(case.read_bytes())
    planned = switch.plan_set(home.context, "aliyun", (client,), Scope("user"), clean=True)
    file_edits.carry_out(home.host, "mirror", planned.plan)
    return target


@pytest.mark.conda
def test_conda_resolves_every_case_to_the_mirror(home: Home, tmp_path: Path) -> None:
    python = Path(CONDA).resolve().parent / "python" if CONDA else Path("absent")
    if not python.exists():
        pytest.skip("no conda found: set ENVTOOL_TEST_CONDA to one")
    files = {}
    for case in CASES:
        # conda reads its files in the locale's encoding: UTF-16 it cannot, whatever is in it
        if case.suffix == ".condarc" and case.stem not in (*BROKEN, "utf16"):
            files[case.stem] = tmp_path / case.stem / ".condarc"
            files[case.stem].parent.mkdir()
            files[case.stem].write_bytes(switched(home, case, "conda").read_bytes())
    script = (
        "import json, sys\n"
        "from conda.base.context import context, reset_context\n"
        "from conda.models.channel import Channel\n"
        "found = {}\n"
        "for name, path in json.loads(sys.argv[1]).items():\n"
        "    reset_context(search_path=(path,))\n"
        "    found[name] = {n: Channel(n).base_urls for n in ('defaults', 'conda-forge')}\n"
        "    found[name]['channels'] = list(context._channels)\n"
        "print(json.dumps(found, default=list))\n"
    )
    paths = json.dumps({name: str(path) for name, path in files.items()})
    environ = {**home.environ, "PYTHONUTF8": "1"}
    done = subprocess.run([python, "-c", script, paths], env=environ, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    assert set(found) == set(files)
    for name, resolved in found.items():
        assert resolved["channels"], name
        assert resolved["conda-forge"] == [f"{ALIYUN}/anaconda/cloud/conda-forge"], name
        assert all(url.startswith(f"{ALIYUN}/anaconda/pkgs/") for url in resolved["defaults"]), name
        assert not any("://" in channel and "lab.example" not in channel for channel in resolved["channels"]), name


@pytest.mark.slow
@pytest.mark.parametrize("case", [c for c in CASES if c.suffix in (".conf", ".ini")], ids=lambda path: path.name)
def test_pip_takes_the_mirrors_index_from_every_case(home: Home, case: Path) -> None:
    switched(home, case, "pip")
    environ = {name: value for name, value in home.environ.items() if not name.startswith("PIP_")}
    if case.stem == "gbk" and sys.platform != "win32":
        pytest.skip("pip reads this file under a Chinese locale only, as on the Windows that it comes from")
    command = [sys.executable, "-m", "pip", "config", "list"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    listed = dict(line.partition("=")[::2] for line in done.stdout.splitlines())
    ruling = listed.get("install.index-url") or listed["global.index-url"]
    assert ruling == f"'{ALIYUN}/pypi/simple'"
    assert not any("douban" in value or "tuna" in value for value in listed.values())
