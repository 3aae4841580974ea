"""pip's settings, compared with pip itself."""

import ast
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from support.home import Home
from support.layouts import write

from envtool.clients import pip
from envtool.errors import EnvtoolError, ExitCode
from envtool.paths import Host


@pytest.fixture
def clean(home: Home) -> Home:
    """This home without the settings that let the tests' own pip work."""
    environ = {name: value for name, value in home.environ.items() if not name.startswith("PIP_")}
    environ["XDG_CONFIG_DIRS"] = str(home.path / "xdg")
    return replace(home, environ=environ)


def real_list(home: Home, **variables: str) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        env={**home.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    pairs = (line.partition("=") for line in done.stdout.splitlines())
    return {key: ast.literal_eval(value) for key, _, value in pairs}


def our_list(host: Host, prefix: Path | None) -> dict[str, str]:
    merged: dict[str, str] = {}
    for layer in pip.layers(host, prefix):
        merged |= layer.values
    return merged


def test_files_merge_as_pip_merges_them(clean: Home) -> None:
    write(clean.path / "xdg/pip/pip.conf", "[global]\nindex-url = https://global.example\ntimeout = 60\n")
    write(clean.path / ".pip/pip.conf", "[global]\nindex_url = https://legacy.example\n[install]\ntrusted-host = a b\n")
    write(
        clean.path / ".config/pip/pip.conf",
        "[global]\nINDEX-URL = https://user.example\nextra-index-url =\n  https://x\n\thttps://y\n",
    )
    variables = {"PIP_NO_INDEX": "0", "PIP_TRUSTED_HOST": "c"}
    host = clean.host_with(**variables)
    ours = {key: value for key, value in our_list(host, None).items() if key.split(".")[0] != "home"}
    machine = {
        key: value
        for layer in pip.layers(clean.host)
        if layer.source == "/etc/pip.conf"
        for key, value in layer.values.items()
    }
    assert real_list(clean, **variables) == {**machine, **ours}
    sources = pip.in_force(host)
    assert sources.index == "https://user.example"
    assert sources.extra_indexes == ("https://x", "https://y")
    assert sources.trusted_hosts == ("c",)
    assert sources.timeout == 60
    assert not sources.no_index


def test_the_file_named_by_a_variable_replaces_the_users(clean: Home, tmp_path: Path) -> None:
    write(clean.path / ".config/pip/pip.conf", "[global]\nindex-url = https://user.example\nretries = 3\n")
    own = write(tmp_path / "own.conf", "[global]\nindex-url = https://own.example\n")
    host = clean.host_with(PIP_CONFIG_FILE=str(own))
    assert pip.in_force(host).index == "https://own.example"
    assert "global.retries" not in our_list(host, None)
    listed = real_list(clean, PIP_CONFIG_FILE=str(own))
    assert listed["global.index-url"] == "https://own.example"
    assert "global.retries" not in listed
    absent = clean.host_with(PIP_CONFIG_FILE=str(tmp_path / "absent.conf"))
    assert pip.in_force(absent).index == "https://user.example"


@pytest.mark.slow
def test_the_null_device_switches_all_files_off(clean: Home) -> None:
    write(clean.path / ".config/pip/pip.conf", "[global]\nindex-url = https://user.example\n")
    assert pip.in_force(clean.host_with(PIP_CONFIG_FILE=os.devnull)).index is None
    assert real_list(clean, PIP_CONFIG_FILE=os.devnull).keys() <= {":env:.config-file"}


def test_the_environments_file_beats_the_users(clean: Home, tmp_path: Path) -> None:
    write(clean.path / ".config/pip/pip.conf", "[global]\nindex-url = https://user.example\n")
    write(tmp_path / "env/pip.conf", "[global]\nindex-url = https://site.example\n")
    assert pip.in_force(clean.host, prefix=tmp_path / "env").index == "https://site.example"
    assert pip.in_force(clean.host).index == "https://user.example"


def test_the_install_section_beats_the_global_one_even_from_a_lower_file(clean: Home) -> None:
    write(clean.path / ".pip/pip.conf", "[install]\nindex-url = https://install.example\n")
    write(clean.path / ".config/pip/pip.conf", "[global]\nindex-url = https://global.example\n")
    assert pip.in_force(clean.host).index == "https://install.example"
    assert pip.in_force(clean.host_with(PIP_INDEX_URL="https://env.example")).index == "https://env.example"


def test_an_empty_value_hides_the_value_of_a_lower_file(clean: Home) -> None:
    write(clean.path / ".pip/pip.conf", "[global]\nindex-url = https://legacy.example\n")
    write(clean.path / ".config/pip/pip.conf", "[global]\nindex-url =\n")
    assert pip.in_force(clean.host).index is None


def test_relative_places_become_absolute(clean: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(
        clean.path / ".config/pip/pip.conf",
        "[global]\nfind-links = wheels ~/w https://h/f file:///s\ncert = ca.pem\nconstraint = c.txt\n",
    )
    sources = pip.in_force(clean.host)
    assert sources.find_links == (str(tmp_path / "wheels"), str(clean.path / "w"), "https://h/f", "file:///s")
    assert sources.certificate == str(tmp_path / "ca.pem")
    assert sources.constraints == (str(tmp_path / "c.txt"),)


def test_certificates_of_the_http_library_count(clean: Home) -> None:
    write(clean.path / ".config/pip/pip.conf", "[global]\ncert =\n")  # hides what the machine's own file may say
    assert pip.in_force(clean.host_with(REQUESTS_CA_BUNDLE="/ca/r.pem")).certificate == "/ca/r.pem"
    host = clean.host_with(REQUESTS_CA_BUNDLE="/ca/r.pem", PIP_CERT="/ca/p.pem")
    assert pip.in_force(host).certificate == "/ca/p.pem"


def test_a_whole_url_as_trusted_host_trusts_nothing(clean: Home) -> None:
    write(clean.path / ".config/pip/pip.conf", "[install]\ntrusted-host = https://pypi.example\n\tother.example\n")
    assert pip.in_force(clean.host).trusted_hosts == ("other.example",)


@pytest.mark.parametrize("setting", ["only-binary = :all:", "require_hashes = 1", "pre = yes"])
def test_what_uv_cannot_honour_prefers_pip_and_says_why(clean: Home, setting: str) -> None:
    path = write(clean.path / ".config/pip/pip.conf", f"[install]\n{setting}\n")
    why = pip.in_force(clean.host).prefer_pip
    assert str(path) in why
    assert setting.split(" ", maxsplit=1)[0].replace("_", "-") in why


@pytest.mark.parametrize("setting", ["user = yes", "target = /t", "prefix = /p"])
def test_install_targets_in_pips_settings_do_not_prefer_pip(clean: Home, setting: str) -> None:
    write(clean.path / ".config/pip/pip.conf", f"[install]\n{setting}\n")
    assert pip.in_force(clean.host).prefer_pip == ""


def test_switched_off_options_do_not_prefer_pip(clean: Home) -> None:
    write(clean.path / ".config/pip/pip.conf", "[install]\nuser = false\npre = 0\n[list]\nformat = columns\n")
    assert pip.in_force(clean.host).prefer_pip == ""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"index-url = https://x\n", "line 1"),
        (b"[global]\nindex-url = a\nindex-url = b\n", "line 3"),
        (b"[global]\nnothing\n", "line 2"),
        (b"[global]\n# \xe9\n", "line 2"),
    ],
)
def test_a_broken_file_is_named_with_its_line(clean: Home, content: bytes, said: str) -> None:
    path = clean.path / ".config/pip/pip.conf"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(EnvtoolError) as caught:
        pip.in_force(clean.host)
    assert str(path) in caught.value.message
    assert said in caught.value.message
    assert caught.value.code == ExitCode.BAD_INPUT


@pytest.mark.parametrize(
    ("system", "variables", "expected"),
    [
        ("Windows", {"APPDATA": "/R", "PROGRAMDATA": "/P"}, ["/P/pip/pip.ini", "/h/pip/pip.ini", "/R/pip/pip.ini"]),
        (
            "Darwin",
            {},
            ["/Library/Application Support/pip/pip.conf", "/h/.pip/pip.conf", "/h/.config/pip/pip.conf"],
        ),
        (
            "Linux",
            {"XDG_CONFIG_HOME": "/x", "XDG_CONFIG_DIRS": "/a:/b"},
            ["/a/pip/pip.conf", "/b/pip/pip.conf", "/etc/pip.conf", "/h/.pip/pip.conf", "/x/pip/pip.conf"],
        ),
    ],
)
def test_each_system_has_its_own_places(system: str, variables: dict[str, str], expected: list[str]) -> None:
    host = Host(variables, Path("/h"), system, "x86_64")
    assert [path.as_posix() for _, path in pip.config_files(host)] == expected
