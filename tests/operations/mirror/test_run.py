"""``envtool mirror run``: the variables and files that put one command under a mirror."""

from pathlib import Path

import pytest
from support.home import Home

from envtool.errors import EnvtoolError, ExitCode
from envtool.operations.mirror import run

PRIVATE = "https://pypi.lab.example/simple"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_every_client_gets_the_mirror(home: Home) -> None:
    found = run.variables(home.context, "ustc")
    assert found["PIP_INDEX_URL"] == found["UV_DEFAULT_INDEX"] == "https://mirrors.ustc.edu.cn/pypi/simple"
    assert str(found["UV_PYTHON_INSTALL_MIRROR"]).startswith("https://mirrors.ustc.edu.cn/")
    assert "mirrors.ustc.edu.cn/anaconda/cloud" in Path(str(found["CONDARC"])).read_text(encoding="utf-8")


def test_a_private_index_of_pip_stays_in_force_for_uv_too(home: Home) -> None:
    write(home.path / ".config/pip/pip.conf", f"[global]\nindex-url = {PRIVATE}\n")
    found = run.variables(home.context, "aliyun")
    assert not {"PIP_INDEX_URL", "UV_DEFAULT_INDEX"} & found.keys()


@pytest.mark.parametrize("text", [f'[[index]]\nurl = "{PRIVATE}"\ndefault = true\n', f'index-url = "{PRIVATE}"\n'])
def test_a_private_default_index_of_uv_stays_in_force(home: Home, text: str) -> None:
    write(home.path / ".config/uv/uv.toml", text)
    found = run.variables(home.context, "aliyun")
    assert "UV_DEFAULT_INDEX" not in found
    assert found["PIP_INDEX_URL"] == "https://mirrors.aliyun.com/pypi/simple"


def test_a_broken_file_of_uv_is_no_private_index(home: Home) -> None:
    write(home.path / ".config/uv/uv.toml", "= broken\n")
    assert run.variables(home.context, "aliyun")["UV_DEFAULT_INDEX"] == "https://mirrors.aliyun.com/pypi/simple"


def test_a_login_in_condas_file_is_not_copied(home: Home) -> None:
    write(home.path / "own.yml", "channels: [https://me:secret@lab.example/conda]\n")
    home.environ["CONDARC"] = str(home.path / "own.yml")
    with pytest.raises(EnvtoolError, match="login") as caught:
        run.variables(home.context, "aliyun")
    assert "secret" not in caught.value.message


def test_a_command_is_needed(home: Home) -> None:
    with pytest.raises(EnvtoolError, match="No command") as caught:
        run.run(home.context, "aliyun", ())
    assert caught.value.code == ExitCode.USAGE
