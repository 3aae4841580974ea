"""``envtool clone`` on real environments: a clone works on its own and shares no file that could be edited."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import condas, layouts
from support.channel import packages
from support.channel.recipe import PYTHON
from support.furnished import SITE, assert_works, broken_hashes, clone, mentions, output, project
from support.home import Home

from envtool.engines.cloning import elf
from envtool.file_lock import locked

needs_conda = pytest.mark.skipif(not condas.CONDA, reason=condas.NONE)


def test_a_clone_is_whole_and_speaks_of_itself_alone(home: Home) -> None:
    source, prefix = home.conda_envs / "source", clone(home, "whole")
    assert_works(home, prefix)
    assert mentions(prefix, source) == []
    assert broken_hashes(prefix) == broken_hashes(source)
    listed = [output(home, each / "bin/pip", "list", "--format=freeze") for each in (source, prefix)]
    assert listed[0] == listed[1]
    exported = [home.envtool("export", name) for name in ("source", "whole")]
    assert [e.code for e in exported] == [0, 0], exported[0].err
    assert exported[0].out.replace("name: source", "name: whole") == exported[1].out.replace(str(prefix), str(source))
    library = (prefix / "lib/libbinary.so").read_bytes()
    assert bytes(prefix / "share") + b"\0" in library
    assert len(library) == (source / "lib/libbinary.so").stat().st_size


def test_variables_pins_links_and_history_are_cloned(home: Home) -> None:
    source, prefix = home.conda_envs / "source", clone(home, "carried")
    state = json.loads((prefix / "conda-meta/state").read_text())
    assert state == {"env_vars": {"MODELS": f"{prefix}/models", "GREETING": "hi"}}
    assert home.envtool("run", "-n", "carried", "--", "sh", "-c", "echo $MODELS").out == f"{prefix}/models\n"
    assert (prefix / "conda-meta/pinned").read_text() == "numpy <99\n"
    assert (prefix / "notes.txt").read_text() == f"my models are in {prefix}/models, the old ones in {source}2\n"
    assert (prefix / "link-inside").readlink() == prefix / "models"
    assert (prefix / "link-outside").readlink() == Path("/usr")
    assert (prefix / "readonly").stat().st_mode & 0o777 == 0o555
    assert prefix.stat().st_mode & 0o777 == source.stat().st_mode & 0o777 == 0o750
    assert (prefix / "readonly/script").stat().st_mode & 0o777 == 0o755
    history = (prefix / "conda-meta/history").read_text()
    assert history.startswith((source / "conda-meta/history").read_text())
    assert "# cmd: envtool clone source carried" in history
    engines = {e["name"]: e["engine"] for e in home.envtool("list", "--json").data["environments"]}
    assert engines["carried"] == engines["source"]
    assert str(prefix) in (home.path / ".conda/environments.txt").read_text().splitlines()
    urls = [
        json.loads((each / SITE / f"{name}-1.dist-info/direct_url.json").read_text())["url"]
        for each in (source, prefix)
        for name in ("versioned", "inside")
    ]
    assert urls[0] == urls[2]
    assert urls[3] == (prefix / "src/inside").as_uri()


def test_the_summary_counts_both_halves_and_the_users_own_files(home: Home) -> None:
    data = home.envtool("clone", "source", "counted", "--dry-run", "--json").data
    listed = home.envtool("list", "source", "--json").data["packages"]
    assert data["conda"] == sum(p["manager"] == "conda" for p in listed)
    assert data["pip"] == sum(p["manager"] == "pip" for p in listed) >= 5
    assert {"notes.txt", "models/weights.bin", "readonly/script", "src/inside/inside.py"} <= {*data["own_files"]}
    assert not [file for file in data["own_files"] if file.startswith(("lib/", "bin/", "conda-meta/"))]
    assert not (home.conda_envs / "counted").exists()


def test_an_edit_in_place_does_not_reach_the_source(home: Home) -> None:
    source, prefix = home.conda_envs / "source", home.conda_envs / "edited"
    made = home.envtool("clone", "source", "edited", "--json").data
    shared = []
    for file in (file for file in prefix.rglob("*") if file.is_file() and not file.is_symlink()):
        original = source / file.relative_to(prefix)
        if original.is_file() and original.samefile(file):
            shared.append(file)
            continue
        size = original.stat().st_size if original.exists() else None
        with file.open("ab") as handle:
            handle.write(b"edited")
        assert size is None or original.stat().st_size == size, file
    assert len(shared) == made["linked"]
    assert made["reflinked"] or {".pyc" if f.suffix == ".pyc" else ".so" for f in shared} == {".pyc", ".so"}
    assert all(re.search(r"\.(so|pyc|a)$|\.so\.[\d.]+$", file.name) for file in shared)
    assert_works(home, source)


def test_bytecode_of_a_rewritten_source_is_not_believed(home: Home) -> None:
    # Another name of the same length: neither size nor second tell the sources apart, and the bytecode is shared.
    source, prefix = home.conda_envs / "source", home.conda_envs / "sauces"
    layouts.write(source / SITE / "where.py", f"HERE = {str(source)!r}\n")
    say = ("-c", "import where; print(where.HERE)")
    assert output(home, source / "bin/python", *say) == f"{source}\n"
    clone(home, "sauces")
    assert output(home, prefix / "bin/python", *say) == f"{prefix}\n"
    assert output(home, source / "bin/python", *say) == f"{source}\n"
    untouched = f"{SITE}/six.py"
    assert (prefix / untouched).stat().st_mtime_ns == (source / untouched).stat().st_mtime_ns


def test_a_clone_lives_on_without_its_source(home: Home) -> None:
    first, second = clone(home, "first"), clone(home, "second", "first")
    assert home.envtool("remove", "first", "--yes").code == 0
    assert not first.exists()
    assert_works(home, second)
    assert mentions(second, first) == []


def test_a_clone_may_lie_anywhere(home: Home, tmp_path: Path) -> None:
    prefix = tmp_path / "a folder" / "of mine"
    ran = home.envtool("clone", "source", str(prefix))
    assert ran.code == 0, ran.err
    assert_works(home, prefix)
    assert (prefix / "link-relative").resolve() == home.path / "outside"
    assert broken_hashes(prefix) == broken_hashes(home.conda_envs / "source")


def test_a_path_longer_than_binaries_have_room_for_is_refused(home: Home, tmp_path: Path) -> None:
    long = tmp_path / ("x" * 150) / ("y" * 150)
    ran = home.envtool("clone", "source", str(long))
    assert ran.code == 1
    assert f"lib/libbinary.so has room for a path of {len(packages.PLACEHOLDER)} bytes" in ran.err
    assert not long.exists()
    assert not list(long.parent.glob(".envtool/*"))


@needs_conda
@pytest.mark.conda
def test_conda_accepts_a_clone(home: Home) -> None:
    prefix = clone(home, "accepted")
    environ = {
        **home.environ,
        "CONDA_ENVS_DIRS": str(home.conda_envs),
        "CONDA_PKGS_DIRS": str(home.path / ".conda/pkgs"),
    }

    def conda(*arguments: str) -> str:
        done = subprocess.run([condas.CONDA, *arguments], env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    listed = {p["name"]: p["channel"] for p in json.loads(conda("list", "-p", str(prefix), "--json"))}
    assert {"python", "numpy", "binary", "plain", "versioned"} <= listed.keys()
    assert "numpy" in conda("list", "-p", str(prefix), "--revisions")
    assert str(prefix) in json.loads(conda("env", "list", "--json"))["envs"]


@pytest.mark.parametrize(
    ("name", "reason"), [("source", "already called source"), ("base", "conda reserves"), ("a b", "spaces")]
)
def test_a_taken_or_invalid_name_is_refused(home: Home, name: str, reason: str) -> None:
    ran = home.envtool("clone", "source", name)
    assert ran.code in (1, 2)
    assert reason in ran.err


def test_a_missing_source_is_reported(home: Home) -> None:
    assert home.envtool("clone", "nothing-there", "x").code == 3


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_clone_leaves_nothing(home: Home, how: signal.Signals) -> None:
    beside = home.conda_envs / ".envtool"
    with home.start("clone", "source", "cut") as child:
        deadline = time.monotonic() + 30
        while not list(beside.glob("cut.*.work/stage/lib/python*/*")):
            assert child.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
        child.send_signal(how)
        child.communicate(timeout=60)
    if how == signal.SIGKILL:
        unfinished = [e for e in home.envtool("list", "--json").data["environments"] if e["unfinished"]]
        assert [e["name"] for e in unfinished] == ["cut"]
        assert home.envtool("remove", "cut", "--yes").code == 0
        clone(home, "again")  # and with it goes what was left of the hold on the source
    else:
        assert child.returncode == 130
    assert not (home.conda_envs / "cut").exists()
    assert not list(beside.glob("*"))
    assert str(home.conda_envs / "cut") not in (home.path / ".conda/environments.txt").read_text()
    assert_works(home, home.conda_envs / "source")


def test_a_clone_waits_for_the_sources_lock(home: Home) -> None:
    source = home.conda_envs / "source"
    with locked(source.parent / ".envtool/source.lock", "install of something"):
        child = home.start("clone", "source", "waited")
        assert child.stderr is not None
        line = child.stderr.readline()
        assert "Waiting for envtool install of something" in line
        assert not (home.conda_envs / "waited").exists()
    _, err = child.communicate(timeout=60)
    assert child.returncode == 0, err


def test_a_half_made_environment_is_not_cloned(home: Home) -> None:
    prefix = clone(home, "half")
    layouts.write(prefix / ".envtool/unfinished.json", json.dumps({"command": "envtool install x"}))
    ran = home.envtool("clone", "half", "half2")
    assert ran.code == 1
    assert "unfinished" in ran.err
    assert not (home.conda_envs / "half2").exists()


def test_the_root_of_an_installation_becomes_an_environment_without_conda(tmp_path: Path) -> None:
    home_folder, root = tmp_path / "home", tmp_path / "miniforge3"
    home_folder.mkdir()
    layouts.conda_env(
        root,
        {"name": "python", "version": "3.12.1", "files": ["bin/python3.12"]},
        {"name": "conda", "depends": ["python"], "files": ["bin/conda", "condabin/conda", "shell/conda.sh"]},
        {"name": "conda-libmamba-solver", "depends": ["conda >=23"], "files": ["lib/solver.py"]},
        {"name": "numpy", "depends": ["python"], "files": ["lib/numpy.py"]},
    )
    layouts.write(root / "pkgs/numpy-1.0-0/lib/numpy.py", "cached")
    layouts.conda_env(root / "envs/other")
    layouts.write(root / "etc/paths", f"{root}/lib {root}/pkgs/x {root}/envs/other\n")
    home = Home(
        home_folder, {"HOME": str(home_folder), "PATH": os.environ["PATH"], "CONDA_EXE": str(root / "bin/conda")}
    )
    ran = home.envtool("clone", "base", "copy", "--json")
    assert ran.code == 0, ran.out
    prefix = root / "envs/copy"
    assert ran.data["left_out"] == ["conda", "conda-libmamba-solver"]
    files = sorted(str(f.relative_to(prefix)) for f in prefix.rglob("*") if f.is_file() and ".envtool" not in f.parts)
    assert files == sorted(
        ["bin/python", "bin/python3.12", "conda-meta/history", "conda-meta/numpy-1.0-0.json",
             "conda-meta/python-3.12.1-0.json", "etc/paths", "lib/numpy.py"]
        )  # fmt: skip
    assert (prefix / "etc/paths").read_text() == f"{prefix}/lib {root}/pkgs/x {root}/envs/other\n"
    assert "::conda-1.0-0" in (prefix / "conda-meta/history").read_text()
    assert home.envtool("list", "copy", "--json").data["packages"]


@pytest.mark.parametrize(("name", "warned"), [("two", False), ("a-longer-name", True)])
def test_a_library_that_pip_compiled_finds_its_dependencies_in_the_clone(
    tmp_path: Path, name: str, warned: bool
) -> None:
    if not (compiler := shutil.which("gcc") or shutil.which("cc")):
        pytest.skip("no C compiler: install gcc to try this")
    source = layouts.venv(tmp_path / ".local/share/envtool/envs/one", PYTHON)
    code = layouts.write(tmp_path / "code.c", "int x(void) { return 1; }\n")
    library = Path(SITE, "module.so")
    subprocess.run([compiler, "-shared", "-o", source / library, code, f"-Wl,-rpath,{source}/lib"], check=True)
    home = Home(tmp_path, {"HOME": str(tmp_path), "PATH": os.environ["PATH"]})
    ran = home.envtool("clone", "one", name)
    assert ran.code == 0, ran.err
    with (source.parent / name / library).open("rb") as file:
        assert elf.run_path(file) == bytes(source if warned else source.parent / name) + b"/lib"
    assert ("still looks for libraries there" in ran.err) == warned


def test_somebody_elses_write_protected_environment_can_be_cloned(tmp_path: Path) -> None:
    source = layouts.conda_env(tmp_path / "shared" / "env", {"name": "trunk", "files": ["lib/libtrunk.so"]})
    script = layouts.write(source / "bin/say", f"#!{source}/bin/python\n")
    folders = [folder for folder in (source.parent, source, *source.rglob("*")) if folder.is_dir()]
    for path in (path for path in source.rglob("*") if path.is_file()):
        path.chmod(0o444)
    for folder in folders:
        folder.chmod(0o555)
    try:
        home = Home(tmp_path, {"HOME": str(tmp_path), "PATH": os.environ["PATH"]})
        ran = home.envtool("clone", str(source), "mine")
        assert ran.code == 0, ran.err
        prefix = tmp_path / ".conda/envs/mine"
        assert (prefix / "bin/say").read_text() == f"#!{prefix}/bin/python\n"
        assert script.read_text() == f"#!{source}/bin/python\n"
        assert home.envtool("remove", "mine", "--yes").code == 0
        assert not prefix.exists()
    finally:
        for folder in folders:
            folder.chmod(0o755)


@pytest.mark.slow
@pytest.mark.parametrize("maker", ["python", "uv"])
def test_a_venv_is_cloned_with_its_activation(tmp_path: Path, maker: str) -> None:
    home = Home.at(tmp_path / "home")
    source = home.path / ".local/share/envtool/envs/source"
    source.parent.mkdir(parents=True)
    wheel = project(home.path / "plain", "plain")
    if maker == "python":
        subprocess.run([sys.executable, "-m", "venv", source], check=True)
    else:
        subprocess.run([sys.executable, "-m", "uv", "venv", "-q", "--seed", source], check=True, env=home.environ)
    install = [
        str(source / "bin/python"),
        "-m",
        "pip",
        "install",
        "-q",
        "--no-build-isolation",
        "--no-deps",
        str(wheel),
    ]
    subprocess.run(install, check=True, env=home.environ, capture_output=True)
    ran = home.envtool("clone", "source", "copy", "--json")
    assert ran.code == 0, ran.out
    assert ran.data["own_files"] == []
    prefix = source.parent / "copy"
    assert home.envtool("remove", "source", "--yes").code == 0
    assert output(home, prefix / "bin/plain").splitlines() == [str(prefix), f"{prefix}/{SITE}/plain.py"]
    said = output(
        home, "sh", "-c", f'. "{prefix}/bin/activate" && echo $VIRTUAL_ENV $VIRTUAL_ENV_PROMPT && which python'
    )
    assert said.replace("(", "").replace(")", "").split() == [str(prefix), "copy", f"{prefix}/bin/python"]
    assert mentions(prefix, source) == []
    assert output(home, prefix / "bin/python", "-c", "import sys; print(sys.prefix)") == f"{prefix}\n"
    assert "No broken requirements" in output(home, prefix / "bin/pip", "check")
