"""``envtool export``, and reading back what it wrote."""

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.condas import CONDA
from support.home import Home
from support.layouts import CORPUS, ask_conda, conda_env, dist, venv, write

from envtool import specs
from envtool.model import Archive, Origin, Package
from envtool.operations.export import in_link_order
from envtool.operations.steps import pip_export
from envtool.reporter import Silent
from envtool.specs import requirements

SP = "lib/python3.11/site-packages"
FORGE = "https://conda.anaconda.org/conda-forge"
TORCH_INDEX = "--extra-index-url https://download.pytorch.org/whl"


def record(name: str, version: str = "1.0", channel: str = FORGE, **more: Any) -> dict[str, Any]:
    build, subdir = more.get("build", "h1_0"), more.get("subdir", "linux-64")
    url = f"{channel}/{subdir}/{name}-{version}-{build}.conda"
    defaults = {"build": build, "channel": f"{channel}/{subdir}", "url": url, "md5": "ab" * 16, "sha256": "cd" * 32}
    return {"name": name, "version": version, **defaults, **more}


PYTHON = record("python", "3.11.7", depends=["openssl >=3", "pip"])


def full(prefix: Path) -> Path:
    """A typical environment: two channels, a CUDA build of torch from pip, sources from git, clutter."""
    inside = [f"{SP}/numpy-1.26.4.dist-info/{file}" for file in ("METADATA", "RECORD")]
    conda_env(
        prefix,
        PYTHON,
        record("openssl", "3.3.0"),
        record("pip", "24.0", depends=["python >=3.8"], files=[f"{SP}/pip-24.0.dist-info/RECORD"]),
        record("numpy", "1.26.4", build="py311_0", depends=["python >=3.11"], files=inside),
        record("ffmpeg", "6.1", "http://127.0.0.1:8000/ok/mine"),
        record("bzip2", "1.0.8", "https://repo.anaconda.com/pkgs/main", requested_specs=["bzip2"]),
    )
    dist(prefix / SP, "numpy", "1.26.4", INSTALLER="conda", direct_url='{"url": "file:///croot/work", "dir_info": {}}')
    dist(prefix / SP, "pip", "24.0")
    dist(prefix / SP, "torch", "2.6.0+cu124", "Requires-Dist: filelock", INSTALLER="pip")
    dist(prefix / SP, "torchvision", "0.21.0+cu124")
    dist(prefix / SP, "filelock", "3.13")
    vcs = {"vcs": "git", "commit_id": "abc", "requested_revision": "main"}
    url = {"url": "https://me:secret@git.example/x.git", "vcs_info": vcs, "subdirectory": "py"}
    dist(prefix / SP, "From_Git", "0.1", direct_url=json.dumps(url))
    write(prefix / "conda-meta" / "state", json.dumps({"env_vars": {"A": "1", "B": "***unset***", "HF_TOKEN": "x"}}))
    return prefix


def test_environment_yml_is_portable_and_complete(home: Home) -> None:
    full(home.path / ".conda" / "envs" / "dl")
    (home.path / ".condarc").write_text("channels: [defaults, conda-forge]\n")
    ran = home.envtool("export", "dl")
    assert ran.code == 0
    assert ran.out == (
        "name: dl\n"
        "channels:\n  - http://127.0.0.1:8000/ok/mine\n  - defaults\n  - conda-forge\n"
        "dependencies:\n  - bzip2=1.0.8\n  - ffmpeg=6.1\n  - numpy=1.26.4\n  - openssl=3.3.0\n  - pip=24.0\n"
        "  - python=3.11.7\n"
        f"  - pip:\n      - {TORCH_INDEX}/cu124\n      - filelock==3.13\n"
        "      - from-git @ git+https://git.example/x.git@abc#subdirectory=py\n"
        "      - torch==2.6.0+cu124\n      - torchvision==0.21.0+cu124\n"
        "variables:\n  A: '1'\n"
    )
    assert "HF_TOKEN" in ran.err
    reading = specs.read(ran.out)
    assert reading.warnings == ()
    assert reading.spec.name == "dl"


def test_requirements_are_what_pip_freeze_should_have_been(home: Home) -> None:
    ran = home.envtool("export", str(full(home.path / "env")), "--format", "requirements")
    assert ran.code == 0
    assert ran.out.splitlines() == [
        "# Python 3.11.7",
        f"{TORCH_INDEX}/cu124",
        "filelock==3.13",
        "from-git @ git+https://git.example/x.git@abc#subdirectory=py",
        "numpy==1.26.4",
        "torch==2.6.0+cu124",
        "torchvision==0.21.0+cu124",
    ]
    assert "bzip2, ffmpeg, openssl" in ran.err, "what was asked for comes first"
    assert specs.read(ran.out).warnings == ()


def test_an_explicit_list_is_in_the_order_of_linking(home: Home) -> None:
    ran = home.envtool("export", str(full(home.path / "env")), "--format", "explicit")
    assert ran.code == 0
    archives = specs.read(ran.out).spec.explicit
    names = [Path(archive.url).name.split("-")[0] for archive in archives]
    order = [names.index(name) for name in ("openssl", "python", "pip")]
    assert order == sorted(order)
    assert names.index("python") < names.index("numpy")
    assert sorted(names) == ["bzip2", "ffmpeg", "numpy", "openssl", "pip", "python"]
    assert archives[names.index("numpy")] == Archive(f"{FORGE}/linux-64/numpy-1.26.4-py311_0.conda", md5="ab" * 16)
    assert "# platform: linux-64" in ran.out
    assert "torch" in ran.err


@pytest.mark.slow
def test_a_venv_is_written_down(home: Home) -> None:
    prefix = venv(home.path / "env")
    for name, version in (("pip", "24"), ("setuptools", "65"), ("numpy", "2.0")):
        dist(prefix / SP, name, version, REQUESTED="")
    ran = home.envtool("export", str(prefix))
    assert ran.out == "dependencies:\n  - python=3.11\n  - pip\n  - pip:\n      - numpy==2.0\n"
    dist(prefix / SP, "triton", "3.1", "Requires-Dist: setuptools>=40.8")
    ran = home.envtool("export", str(prefix), "--format", "requirements")
    assert ran.out == "# Python 3.11.7\nnumpy==2.0\nsetuptools==65\ntriton==3.1\n"
    ran = home.envtool("export", str(prefix), "--format", "explicit")
    assert (ran.code, ran.out) == (2, "")
    assert "--format requirements" in ran.err


def test_what_was_asked_for_stays_where_python_brings_it_no_more(home: Home) -> None:
    prefix = venv(home.path / "env", "3.12.1")
    dist(prefix / "lib/python3.12/site-packages", "setuptools", "75", REQUESTED="")
    dist(prefix / "lib/python3.12/site-packages", "wheel", "0.44")
    assert "setuptools==75" in home.envtool("export", str(prefix)).out
    assert "wheel" not in home.envtool("export", str(prefix)).out


def test_what_only_this_machine_has_is_said(home: Home) -> None:
    prefix = venv(home.path / "env")
    cloned, plain, odd = home.path / "cloned", home.path / "code", home.path / "my code"
    write(cloned / ".git" / "config", '[remote "origin"]\n\turl = git@git.example:me/x.git\n')
    write(cloned / ".git" / "HEAD", "f" * 40)
    plain.mkdir()
    odd.mkdir()
    editable = {"dir_info": {"editable": True}}
    dist(prefix / SP, "cloned", "1", direct_url=json.dumps({"url": cloned.as_uri(), **editable}))
    dist(prefix / SP, "plain", "2", direct_url=json.dumps({"url": plain.as_uri(), **editable}))
    dist(prefix / SP, "odd", "2", direct_url=json.dumps({"url": odd.as_uri(), **editable}))
    dist(prefix / SP, "built", "3", direct_url=json.dumps({"url": plain.as_uri(), "dir_info": {}}))
    dist(prefix / SP, "local", "4+abc")
    ran = home.envtool("export", str(prefix), "--format", "requirements")
    assert ran.out.splitlines()[1:] == [
        "built==3",
        f"-e git+ssh://git@git.example/me/x.git@{'f' * 40}#egg=cloned",
        "local==4+abc",
        f"-e {odd.as_uri()}",
        f"-e {plain}",
    ]
    assert [line.split()[1] for line in ran.err.splitlines()] == ["local", "built", "cloned", "odd", "plain"]
    assert requirements.read(ran.out).warnings == ()


def test_condas_own_numbering_of_torch_is_undone(home: Home) -> None:
    torch = record("pytorch", "2.1.0", files=[f"{SP}/torch-2.1.0.post300.dist-info/METADATA"])
    prefix = conda_env(home.path / "env", PYTHON, torch)
    dist(prefix / SP, "torch", "2.1.0.post300")
    ran = home.envtool("export", str(prefix), "--format", "requirements")
    assert ran.out == "# Python 3.11.7\ntorch==2.1.0\n"
    assert ran.err == ""


@pytest.mark.slow
def test_the_active_environment_is_the_default(home: Home) -> None:
    prefix = conda_env(home.path / ".conda" / "envs" / "dl", PYTHON)
    assert home.envtool("export", env={"CONDA_PREFIX": str(prefix)}).out.startswith("name: dl\n")
    nothing = home.envtool("export")
    assert (nothing.code, nothing.out) == (2, "")
    assert "envtool list" in nothing.err
    assert home.envtool("export", "dll").code == 3


@pytest.mark.slow
def test_a_file_is_written_whole_and_its_name_decides_the_format(home: Home) -> None:
    full(home.path / ".conda" / "envs" / "dl")
    for file, start in {"environment.yml": "name: dl", "requirements-gpu.txt": "# Python", "x": "name: dl"}.items():
        (home.path / file).write_text("something else")
        ran = home.envtool("export", "dl", "-o", file)
        assert (ran.code, ran.out) == (0, "")
        assert (home.path / file).read_text().startswith(start)
        assert file in ran.err
    ran = home.envtool("export", "dl", "-o", "requirements.txt", "--format", "explicit")
    assert "@EXPLICIT" in (home.path / "requirements.txt").read_text()
    (home.path / "folder").mkdir()
    ran = home.envtool("export", "dl", "-o", "folder")
    assert ran.code == 1
    assert "Traceback" not in ran.err
    assert "folder" in ran.err


def test_a_pipe_gets_the_text_and_stays_a_pipe(home: Home) -> None:
    conda_env(home.conda_envs / "dl", {"name": "zlib", "version": "1.2", "build": "0"})
    pipe = home.path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as reader:
        read = reader.submit(pipe.read_text)
        done = home.envtool("export", "dl", "-o", "pipe")
        assert done.code == 0, done.err
        assert "zlib" in read.result(timeout=30)
    assert pipe.is_fifo()


def test_as_json_the_text_is_in_the_envelope(home: Home) -> None:
    prefix = full(home.path / ".conda" / "envs" / "dl")
    ran = home.envtool("export", "dl", "--json")
    assert (ran.data["name"], ran.data["prefix"], ran.data["format"]) == ("dl", str(prefix), "environment-yml")
    assert ran.data["text"].startswith("name: dl\n")
    assert any("HF_TOKEN" in warning for warning in json.loads(ran.out)["warnings"])


def test_packages_without_address_or_channel_are_named(home: Home) -> None:
    prefix = conda_env(home.path / "env", {"name": "stray"}, record("good"))
    assert "stray" in home.envtool("export", str(prefix)).err
    ran = home.envtool("export", str(prefix), "--format", "explicit")
    assert "stray" in ran.err
    assert len(specs.read(ran.out).spec.explicit) == 1


@pytest.mark.slow
def test_a_real_venv_comes_back(home: Home) -> None:
    made = home.envtool("create", "one", "--engine", "venv", "--pip", "six", "--pip", "idna")
    assert made.code == 0, made.err
    text = home.envtool("export", "one").out
    again = home.envtool("create", "two", "--engine", "venv", "-f", "-", stdin=text)
    assert again.code == 0, again.err
    requirements_of = [home.envtool("export", name, "--format", "requirements").out for name in ("one", "two")]
    assert requirements_of[0] == requirements_of[1]
    assert {"idna", "six"} <= {line.partition("==")[0] for line in requirements_of[0].splitlines()}


# -- properties -------------------------------------------------------------------------------------------------------
NAMES = "abcdefgh"


@given(st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES))))
def test_every_package_is_linked_once_and_after_what_it_needs_where_that_is_possible(
    graph: dict[str, list[str]],
) -> None:
    half = [Package(name, "1", "conda", depends=tuple(f"{d} >=1" for d in needs)) for name, needs in graph.items()]
    order = [package.name for package in in_link_order(half)]
    assert sorted(order) == sorted(graph)

    def reachable(name: str) -> set[str]:
        found, todo = set[str](), [*graph.get(name, [])]
        while todo:
            if (other := todo.pop()) not in found:
                found.add(other)
                todo += graph.get(other, [])
        return found

    for name, needs in graph.items():
        for needed in needs:
            if needed in graph and name not in reachable(needed):
                assert order.index(needed) < order.index(name)


versions = st.from_regex(
    r"[0-9]{1,3}(\.[0-9]{1,3}){0,2}(\.post1|rc1)?(\+cu124|\+cpu|\+rocm6\.2|\+abc)?", fullmatch=True
)
origins = st.sampled_from(
    [
        None,
        Origin("vcs", "https://git.example/x.git", "git", "abc", "main", "", "sub"),
        Origin("archive", "https://e.example/x-1-py3-none-any.whl", sha256="ab"),
        Origin("archive", "file:///home/me/x-1-py3-none-any.whl"),
        Origin("local", "file:///croot/x/work"),
        Origin("editable", "file:///nowhere/my%20code"),
    ]
)
packages = st.builds(
    lambda name, version, origin: Package(f"p{name}", version, "pip", origin=origin),
    st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,8})?", fullmatch=True),
    versions,
    origins,
)


@given(st.lists(packages))
def test_whatever_is_installed_the_lines_are_pips_and_portable(installed: list[Package]) -> None:
    lines = pip_export.requirement_lines(installed, Silent())
    assert requirements.read(requirements.write(lines)).warnings == ()
    assert len(lines) == len(installed)
    assert not any("@ file:" in line or "pypi_0" in line for line in lines)


# -- outside oracles --------------------------------------------------------------------------------------------------
@pytest.mark.conda
@pytest.mark.skipif(not CONDA, reason="needs conda: set ENVTOOL_TEST_CONDA to one, or have it on PATH")
def test_real_conda_writes_the_same(home: Home) -> None:
    prefix = full(home.path / ".conda" / "envs" / "dl")
    copy = shutil.copytree(prefix, home.path / "copy")  # conda deletes records while it lists
    theirs = specs.read(ask_conda(home.environ, "env", "export", "--no-builds", "-p", str(copy))).spec
    ours = specs.read(home.envtool("export", "dl").out).spec
    assert ours.conda == theirs.conda
    assert [line.split(" @ ")[0].split("==")[0] for line in ours.pip[1:]] == [
        line.split("==")[0] for line in theirs.pip
    ]
    explicit = specs.read(ask_conda(home.environ, "list", "--explicit", "--md5", "-p", str(copy))).spec.explicit
    own = specs.read(home.envtool("export", "dl", "--format", "explicit").out).spec.explicit
    assert sorted(own, key=lambda archive: archive.url) == sorted(explicit, key=lambda archive: archive.url)


def _name(line: str) -> str:
    return line.partition(" @ ")[0].partition("==")[0]


@pytest.mark.corpus
def test_real_prefixes_are_exported(home: Home) -> None:
    for name in ("envpy313tosx_whl", "envpy37win"):
        prefix = CORPUS / "prefixes" / name
        for form in ("environment-yml", "requirements", "explicit"):
            ran = home.envtool("export", str(prefix), "--format", form)
            assert ran.code == 0
            assert specs.read(ran.out).warnings == ()
            assert not any(word in ran.out for word in ("prefix:", "pypi_0", "@ file:"))
