"""What the command line and the files that it names ask for."""

import io
from pathlib import Path
from types import SimpleNamespace

import pytest
from support import loopback
from support.reporter import Recorder

from envtool.errors import EnvtoolError, ExitCode
from envtool.model import Spec
from envtool.operations.steps.requested import requested, require_name


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)


@pytest.mark.parametrize(
    ("word", "lines"),
    [
        ("torch=2.1.0", ("torch==2.1.0",)),
        ("six==1.16.0=pypi_0", ("six==1.16.0",)),
        ("git+git@host:me/x.git", ("git+ssh://git@host/me/x.git",)),
        ("-r more.txt", ("idna", "certifi")),
        ("-rmore.txt", ("idna", "certifi")),
    ],
)
def test_a_value_of_pip_is_read_as_a_line_of_a_file_is(word: str, lines: tuple[str, ...]) -> None:
    Path("more.txt").write_text("idna\ncertifi\n")
    reporter = Recorder()
    assert requested(Spec(pip=("six", word)), [], reporter).pip == ("six", *lines)


@pytest.mark.parametrize("word", ["what is this", "--no-deps", "conda install numpy", "-r nowhere.txt"])
def test_a_wrong_value_of_pip_is_named_as_such(word: str) -> None:
    with pytest.raises(EnvtoolError) as caught:
        requested(Spec(pip=(word,)), [], Recorder())
    assert caught.value.message.startswith("--pip: ")
    assert caught.value.code == ExitCode.BAD_INPUT


def test_a_missing_nested_file_is_named_with_the_line_that_asks_for_it() -> None:
    Path("environment.yml").write_text("dependencies:\n  - pip:\n    - -r nowhere.txt\n")
    with pytest.raises(EnvtoolError) as caught:
        requested(Spec(), ["environment.yml"], Recorder())
    assert caught.value.message.startswith("environment.yml, line 3: ")
    assert "nowhere.txt" in caught.value.message


def test_every_line_knows_the_file_it_was_written_in() -> None:
    Path("more.txt").write_text("\nidna\n")
    Path("environment.yml").write_text("dependencies:\n  - pip:\n    - ./own\n    - -r more.txt\n")
    spec = requested(Spec(pip=("six",)), ["environment.yml"], Recorder())
    assert dict(spec.places) == {
        "six": "--pip",
        f"{Path.cwd()}/own": "environment.yml, line 3",
        "idna": "more.txt, line 2",
    }


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("dependencies: [leaf]\nprefix: /home/u/miniconda3/envs/foo\n", "foo"),
        ("dependencies: [leaf]\nprefix: C:\\Users\\u\\envs\\bar\\\n", "bar"),
        ("dependencies: [leaf]\n", "project"),
        ("dependencies: [leaf]\nprefix:\n", "project"),
        ("name: ''\ndependencies: [leaf]\nprefix: /home/u/a b\n", "project"),
    ],
)
def test_a_file_without_a_name_leads_to_the_command_with_one(text: str, name: str) -> None:
    Path("environment.yml").write_text(text)
    spec = requested(Spec(), ["environment.yml"], Recorder())
    with pytest.raises(EnvtoolError) as caught:
        require_name(spec, ["environment.yml"])
    assert caught.value.code == ExitCode.USAGE
    assert f"envtool create {name} -f environment.yml" in caught.value.hint


def test_stdin_without_a_name_and_no_file_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"leaf==1.0\n")))
    spec = requested(Spec(), ["-"], Recorder())
    for files in (["-"], []):
        with pytest.raises(EnvtoolError) as caught:
            require_name(spec, files)
        assert "envtool create" in caught.value.hint


def test_packages_beside_an_explicit_list_are_refused_rather_than_dropped() -> None:
    Path("list.txt").write_text("@EXPLICIT\nhttps://host/noarch/a-1-0.conda\n")
    assert requested(Spec(pip=("six",)), ["list.txt"], Recorder()).pip == ("six",)
    with pytest.raises(EnvtoolError) as caught:
        requested(Spec(conda=("numpy",)), ["list.txt"], Recorder())
    assert caught.value.code == ExitCode.USAGE
    assert "numpy" in caught.value.message


def test_a_file_on_a_server_is_read_with_those_beside_it() -> None:
    routes = {
        "/a/environment.yml": b"name: dl\ndependencies:\n- leaf\n- pip:\n  - six\n  - -r more.txt\n  - ./own\n",
        "/a/more.txt": b"idna=3.7\n-c pins.txt\n-r b/last.txt\n",
        "/a/b/last.txt": b"python==3.11\ntomli\n",
        "/a/circle.txt": b"-r circle.txt\n",
        "/a/list.txt": b"@EXPLICIT\nhttps://host/noarch/a-1-0.conda\n",
    }
    with loopback.site(routes) as server:
        spec = requested(Spec(), [f"{server.url}/a/environment.yml"], Recorder())
        assert (spec.name, spec.conda) == ("dl", ("leaf", "python==3.11"))
        assert spec.pip == ("six", "idna==3.7", f"-c {server.url}/a/pins.txt", "tomli", f"{Path.cwd()}/own")
        assert (spec.places["six"], spec.places["tomli"]) == ("environment.yml, line 5", "last.txt, line 2")
        with pytest.raises(EnvtoolError, match="includes itself"):
            requested(Spec(pip=(f"-r {server.url}/a/circle.txt",)), [], Recorder())
        with pytest.raises(EnvtoolError, match="404") as caught:
            requested(Spec(pip=("six", f"-r {server.url}/nowhere.txt")), [], Recorder())
        assert (caught.value.code, caught.value.message[:7]) == (ExitCode.NETWORK, "--pip: ")
        assert len(requested(Spec(), [f"{server.url}/a/list.txt"], Recorder()).explicit) == 1


@pytest.mark.parametrize(
    ("path", "code", "word"),
    [
        ("/nowhere.yml", ExitCode.NETWORK, "404"),
        ("/page.yml", ExitCode.BAD_INPUT, "web page"),
        ("/empty.yml", ExitCode.BAD_INPUT, "empty"),
        ("/binary.yml", ExitCode.BAD_INPUT, "not text"),
    ],
)
def test_a_file_that_a_server_does_not_have_ends_in_a_clear_error(path: str, code: ExitCode, word: str) -> None:
    routes = {"/page.yml": b"<!DOCTYPE html>\n", "/empty.yml": b"\n", "/binary.yml": b"\x1f\x8b\xff\x00"}
    with loopback.site(routes) as server, pytest.raises(EnvtoolError) as caught:
        requested(Spec(), [f"{server.url}{path}"], Recorder())
    assert caught.value.code == code
    assert word in caught.value.message
    assert caught.value.hint


def test_a_server_that_is_not_there_is_named_without_the_login() -> None:
    with pytest.raises(EnvtoolError) as caught:
        requested(Spec(), ["http://me:secret@127.0.0.1:9/environment.yml"], Recorder())
    assert caught.value.code == ExitCode.NETWORK
    assert "127.0.0.1:9/environment.yml" in caught.value.message
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    "word",
    ["https://host/own-1.0-py3-none-any.whl", "./own-1.0.tar.gz", "git+https://me:secret@host/own", "own.zip#ab"],
)
def test_what_pip_installs_is_not_taken_for_a_conda_package(word: str) -> None:
    with pytest.raises(EnvtoolError) as caught:
        requested(Spec(conda=("leaf", word)), [], Recorder())
    assert caught.value.code == ExitCode.BAD_INPUT
    assert "--pip" in caught.value.hint
    assert "secret" not in caught.value.hint + caught.value.message
