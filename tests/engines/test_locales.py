"""Chinese names, and names in no encoding, under locales that have neither: nothing ends in a traceback."""

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.home import Home

NAME = "深度学习"
LOCALES = {"latin": ("en_US", "ISO-8859-1"), "gbk": ("zh_CN", "GBK")}


@pytest.fixture(scope="session")
def compiled_locales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("locales")
    localedef = shutil.which("localedef")
    for name, charmap in LOCALES.values():
        command = [localedef or "localedef", "-i", name, "-f", charmap, str(folder / f"{name}.{charmap}")]
        if not localedef or subprocess.run(command, check=False, capture_output=True).returncode > 1:
            pytest.skip("localedef and its sources were not found: they make the locales of this test")
    return folder


@pytest.fixture(params=[*LOCALES, "ascii", "utf-8"])
def account(home: Home, request: pytest.FixtureRequest) -> Home:
    """An account under a locale in whose encoding Python reads file names, or would if envtool let it."""
    environ = {name: value for name, value in home.environ.items() if not name.startswith(("LC_", "LANG"))}
    if request.param == "ascii":
        environ |= {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    elif request.param == "utf-8":
        environ |= {"LC_ALL": "C.UTF-8"}
    else:
        folder: Path = request.getfixturevalue("compiled_locales")
        environ |= {"LOCPATH": str(folder), "LC_ALL": ".".join(LOCALES[request.param])}
    return replace(home, environ=environ)


def run(account: Home, *arguments: str | bytes, code: int = 0) -> bytes:
    """Run envtool with arguments as they are on the command line, and return its standard output."""
    command = [os.fsencode(word) for word in (*account.program, *arguments)]
    done = subprocess.run(
        command,
        env=account.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=account.path,
        check=False,
        timeout=300,
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode("utf-8", "replace")
    assert done.returncode == code, done.stderr.decode("utf-8", "replace")
    return done.stdout


def data(account: Home, *arguments: str | bytes) -> Any:
    return json.loads(run(account, *arguments, "--json"))["data"]


def test_a_chinese_name_from_creation_to_removal(account: Home) -> None:
    made = data(account, "create", NAME, "--engine", "venv", "--no-pip")
    assert made["name"] == NAME
    folder = account.path / ".local/share/envtool/envs"
    assert (folder / NAME).is_dir()  # this process has UTF-8 names
    assert [item["name"] for item in data(account, "list")["environments"]] == [NAME]
    assert data(account, "info", NAME)["path"] == str(folder / NAME)
    for command in (
        ["list"],
        ["info", NAME],
        ["list", NAME],
        ["run", "-n", NAME, "--", "true"],
        ["vars", "show", NAME],
    ):
        run(account, *command)
    run(account, "rename", NAME, "环境")
    run(account, "remove", "环境", "--yes")
    assert data(account, "list")["environments"] == []


def test_a_chinese_name_for_the_embedded_engine(account: Home, channel: str) -> None:
    made = data(account, "create", NAME, "--engine", "embedded", "-c", channel, "leaf", "--no-pip")
    assert made["name"] == NAME
    assert NAME in (account.path / ".conda/environments.txt").read_text("utf-8")
    assert [item["name"] for item in data(account, "list")["environments"]] == [NAME]
    assert "leaf" in [package["name"] for package in data(account, "list", NAME)["packages"]]
    run(account, "remove", NAME, "--yes")
    assert data(account, "list")["environments"] == []


def test_a_registered_path_that_the_locale_cannot_express(account: Home) -> None:
    prefix = account.path / NAME
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "conda-meta/history").touch()
    (account.path / ".conda").mkdir()
    (account.path / ".conda/environments.txt").write_text(f"{prefix}\n{account.path}/没有\n", encoding="utf-8")
    assert [item["path"] for item in data(account, "list")["environments"]] == [str(prefix)]
    assert b"conda" in run(account, "list")
    assert data(account, "info", str(prefix))["path"] == str(prefix)


def test_text_is_in_the_encoding_of_the_terminal(account: Home) -> None:
    run(account, "create", NAME, "--engine", "venv", "--no-pip")
    listed = run(account, "list")
    expected = {"zh_CN.GBK": NAME.encode("gbk"), "en_US.ISO-8859-1": NAME.encode("ascii", "backslashreplace")}
    assert expected.get(account.environ["LC_ALL"], NAME.encode()) in listed


@pytest.mark.parametrize("raw", [b"bad\xff", "环境".encode("gbk")], ids=["no encoding", "GBK"])
def test_a_name_that_is_not_utf_8(account: Home, raw: bytes) -> None:
    folder = account.path / ".conda/envs" / os.fsdecode(raw)
    (folder / "conda-meta").mkdir(parents=True)
    (folder / "conda-meta/history").touch()
    assert raw in run(account, "list")
    (listed,) = data(account, "list")["environments"]
    assert os.fsencode(listed["name"]) == raw
    assert data(account, "info", raw)["path"] == str(folder)
    run(account, "info", raw)
    run(account, "run", "-n", raw, "--", "true")
    run(account, "remove", raw, "--yes")
    assert not folder.exists()


@pytest.mark.parametrize("engine", ["venv", "embedded"])
def test_creating_a_name_that_is_not_utf_8_works_or_says_why_not(account: Home, channel: str, engine: str) -> None:
    arguments: tuple[str | bytes, ...] = (
        *account.program,
        "create",
        b"bad\xff",
        "--engine",
        engine,
        "-c",
        channel,
        "--no-pip",
        "--json",
    )
    command = [os.fsencode(word) for word in arguments]
    done = subprocess.run(
        command, env=account.environ, stdin=subprocess.DEVNULL, capture_output=True, cwd=account.path, check=False
    )
    envelope = json.loads(done.stdout)
    assert envelope["exit_code"] == done.returncode
    assert b"Traceback" not in done.stderr
    assert envelope["status"] == "ok" or envelope["errors"][0]["message"]
