"""The packages of both halves, read from an environment's files."""

import json
import shutil
from pathlib import Path

import pytest
from support.condas import CONDA
from support.home import Home
from support.layouts import CORPUS, ask_conda, conda_env, dist, venv

from envtool.environments import packages
from envtool.model import Environment, Origin

SP = "lib/python3.11/site-packages"
PYTHON = {"name": "python", "version": "3.11.7", "build": "h1_0_cpython"}


def test_a_record_is_read_whole_and_its_channel_without_subdir_or_login(tmp_path: Path) -> None:
    numpy = {
        "name": "numpy",
        "version": "1.26.4",
        "build": "py311h64a7726_0",
        "channel": "https://me:secret@conda.example/t/tk-123/conda-forge/linux-64",
        "url": "https://me:secret@conda.example/t/tk-123/conda-forge/linux-64/numpy-1.26.4-py311h64a7726_0.conda",
        "sha256": "ab" * 32,
        "md5": "cd" * 16,
        "size": 7,
        "depends": ["python >=3.11"],
        "requested_specs": ["numpy"],
    }
    unasked = {"name": "zlib", "channel": "conda-forge", "requested_spec": "None"}
    local = {"name": "mine", "channel": "<unknown>", "url": "file:///srv/channel/linux-64/mine-1.0-0.conda"}
    zlib, mine, read = (
        {p.name: p for p in packages.read(conda_env(tmp_path / "env", numpy, unasked, local)).conda}[name]
        for name in ("zlib", "mine", "numpy")
    )
    assert (read.version, read.build, read.subdir, read.size) == ("1.26.4", "py311h64a7726_0", "linux-64", 7)
    assert read.channel == "https://conda.example/conda-forge"
    assert read.url == "https://conda.example/conda-forge/linux-64/numpy-1.26.4-py311h64a7726_0.conda"
    assert (read.sha256, read.md5, read.depends, read.requested) == ("ab" * 32, "cd" * 16, ("python >=3.11",), True)
    assert (zlib.channel, zlib.requested) == ("conda-forge", False)
    assert mine.channel == "file:///srv/channel"


def test_records_that_conda_would_stumble_over_are_named(tmp_path: Path) -> None:
    prefix = conda_env(tmp_path / "env", {"name": "good"})
    meta = prefix / "conda-meta"
    (meta / "._good-1.0-0.json").write_text("macOS")
    (meta / "bad-1.0-0.json").write_text("{")
    (meta / "odd-1.0-0.json").write_text("[]")
    (meta / "other-1.0-0.json").write_text(json.dumps({"name": "good", "version": "1.0", "build": "0"}))
    contents = packages.read(prefix)
    assert [p.name for p in contents.conda] == ["good"]
    assert [name for warning in contents.warnings for name in ("bad", "odd", "other") if f"{name}-1.0" in warning] == [
        "bad",
        "odd",
        "other",
    ]


def test_distributions_in_condas_records_are_condas_and_the_rest_pips(tmp_path: Path) -> None:
    torch = {"name": "pytorch", "version": "2.5.1", "files": [f"{SP}/torch-2.5.1.dist-info/METADATA"]}
    prefix = conda_env(tmp_path / "env", PYTHON, torch)
    dist(prefix / SP, "torch", "2.5.1", "Requires-Dist: filelock", direct_url='{"url": "file:///croot/work"}')
    dist(prefix / SP, "Ruamel.Yaml_clib", "0.2", "Requires-Dist: a ; extra == 'x'", INSTALLER="uv\n", REQUESTED="")
    (prefix / SP / "~ip-24.0.dist-info").mkdir()
    contents = packages.read(prefix)
    (inside,), (pip,) = contents.inside, contents.pip
    assert (inside.name, inside.version, inside.manager, inside.depends) == ("torch", "2.5.1", "conda", ("filelock",))
    assert inside.origin is None, "the folder it was built in is of no use to anybody"
    assert (pip.name, pip.version, pip.installer, pip.requested) == ("ruamel-yaml-clib", "0.2", "uv", True)
    assert pip.depends == ("a ; extra == 'x'",)
    assert contents.warnings == ()


def test_a_conda_package_that_pip_replaced_is_reported_and_its_record_stays(tmp_path: Path) -> None:
    numpy = {"name": "numpy", "version": "1.26.4", "files": [f"{SP}/numpy-1.26.4.dist-info/RECORD"]}
    pytorch = {"name": "pytorch", "version": "2.5.1", "files": [f"{SP}/torch-2.5.1.dist-info/RECORD"]}
    six = {"name": "six", "version": "1.16", "files": [f"{SP}/six-1.16.dist-info/RECORD"]}
    prefix = conda_env(tmp_path / "env", PYTHON, numpy, pytorch, six)
    for name in ("numpy-1.26.4", "torch-2.5.1"):
        (prefix / SP / f"{name}.dist-info" / "RECORD").unlink()
        (prefix / SP / f"{name}.dist-info").rmdir()
    dist(prefix / SP, "numpy", "2.0.0")
    dist(prefix / SP, "six", "1.16")  # conda's own metadata, read where the record says it lies
    dist(prefix / SP, "six", "1.17")  # laid over it by a pip that did not know of conda's
    contents = packages.read(prefix)
    assert [p.name for p in contents.conda] == ["python"]
    assert [(p.name, p.version) for p in contents.pip] == [("numpy", "2.0.0"), ("six", "1.17")]
    assert len(contents.warnings) == 3
    assert "pip replaced conda's numpy 1.26.4 with 2.0.0." in contents.warnings
    assert (prefix / "conda-meta" / "numpy-1.26.4-0.json").exists()


@pytest.mark.parametrize(
    ("direct_url", "origin"),
    [
        (
            {
                "url": "https://git.example/x.git",
                "vcs_info": {"vcs": "git", "commit_id": "abc", "requested_revision": "main"},
                "subdirectory": "python",
            },
            Origin("vcs", "https://git.example/x.git", "git", "abc", "main", "", "python"),
        ),
        (
            {"url": "https://a.example/x.whl", "archive_info": {"hashes": {"sha256": "ff"}}},
            Origin("archive", "https://a.example/x.whl", sha256="ff"),
        ),
        (
            {"url": "https://a.example/x.whl", "archive_info": {"hash": "sha256=ee"}},
            Origin("archive", "https://a.example/x.whl", sha256="ee"),
        ),
        ({"url": "file:///src/x", "dir_info": {"editable": True}}, Origin("editable", "file:///src/x")),
        ({"url": "file:///src/x", "dir_info": {}}, Origin("local", "file:///src/x")),
        ({"no": "url"}, None),
        ("broken", None),
    ],
)
def test_the_origin_of_a_distribution(direct_url: object, origin: Origin | None, tmp_path: Path) -> None:
    prefix = venv(tmp_path / "env")
    dist(prefix / SP, "x", "1", direct_url=json.dumps(direct_url))
    assert packages.read(prefix).pip[0].origin == origin


def test_legacy_installation_formats_are_read(tmp_path: Path) -> None:
    prefix = venv(tmp_path / "env")
    sp, source = prefix / SP, tmp_path / "my project"
    headers = "Metadata-Version: 1.1\nName: {0}\nVersion: 0.1\n"
    for path, name in {
        source / "Develop.egg-info" / "PKG-INFO": "Develop",
        sp / "Setup-0.1-py3.11.egg-info" / "PKG-INFO": "Setup",
        sp / "Distutils-0.1.egg-info": "Distutils",
        sp / "Egg-0.1-py3.11.egg" / "EGG-INFO" / "PKG-INFO": "Egg",
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(headers.format(name))
    (sp / "Develop.egg-link").write_text(f"{source}\n.")
    (sp / "broken-1.dist-info").mkdir()
    contents = packages.read(prefix)
    assert [(p.name, p.version) for p in contents.pip] == [
        ("develop", "0.1"),
        ("distutils", "0.1"),
        ("egg", "0.1"),
        ("setup", "0.1"),
    ]
    assert contents.pip[0].origin == Origin("editable", source.as_uri())
    assert "broken-1.dist-info" in contents.warnings[0]


@pytest.mark.parametrize(
    ("record", "folder"),
    [
        ({"version": "3.9.18"}, "lib/python3.9/site-packages"),
        ({"version": "2.7.15"}, "lib/python2.7/site-packages"),
        (
            {"version": "3.13.2", "python_site_packages_path": "lib/python3.13t/site-packages"},
            "lib/python3.13t/site-packages",
        ),
        ({"version": "3.12.1", "subdir": "win-64"}, "Lib/site-packages"),
    ],
)
def test_site_packages_is_where_pythons_record_says(record: dict[str, str], folder: str, tmp_path: Path) -> None:
    prefix = conda_env(tmp_path / "env", {**PYTHON, **record})
    dist(prefix / folder, "here", "1")
    dist(prefix / "lib/python3.8/site-packages", "left-by-an-older-python", "1")
    assert [p.name for p in packages.read(prefix).pip] == ["here"]


def test_without_python_there_is_no_pip_half(tmp_path: Path) -> None:
    prefix = conda_env(tmp_path / "env", {"name": "ffmpeg"})
    dist(prefix / SP, "stray", "1")
    assert packages.read(prefix).pip == ()


def test_the_newest_python_of_a_venv_counts(tmp_path: Path) -> None:
    prefix = venv(tmp_path / "env", "3.10.4")
    (prefix / "lib" / "python3.9" / "site-packages").mkdir(parents=True)
    dist(prefix / "lib" / "python3.10" / "site-packages", "x", "1")
    assert [p.name for p in packages.read(prefix).pip] == ["x"]


@pytest.mark.parametrize(
    ("config", "version"),
    [
        ("version = 3.11.7\n", "3.11.7"),
        ("uv = 0.11\nversion_info = 3.13.2\n", "3.13.2"),
        ("version_info = 3.8.10.final.0\n", "3.8.10"),
        ("home = /usr/bin\n", ""),
    ],
)
def test_the_python_of_a_venv(config: str, version: str, tmp_path: Path) -> None:
    (tmp_path / "pyvenv.cfg").write_text(config)
    assert packages.python_version(Environment("", tmp_path, "venv")) == version


def test_the_python_of_a_conda_environment_is_in_a_file_name(tmp_path: Path) -> None:
    prefix = conda_env(tmp_path / "env", {"name": "python-dateutil"}, PYTHON)
    (prefix / "conda-meta" / "python-3.11.7-h1_0_cpython.json").write_text("not even opened")
    assert packages.python_version(Environment("", prefix, "conda")) == "3.11.7"
    assert packages.python_version(Environment("", tmp_path / "none", "conda")) == ""


@pytest.mark.corpus
def test_real_prefixes_of_other_systems() -> None:
    folder = CORPUS / "prefixes"
    mac = packages.read(folder / "envpy313tosx_whl")
    assert (len(mac.conda), [p.name for p in mac.pip], [p.name for p in mac.inside]) == (16, ["imagesize"], ["pip"])
    windows = packages.read(folder / "envpy37win")
    assert {"python", "vc"} <= {p.name for p in windows.conda}
    assert {"numpy", "scrapy"} <= {p.name for p in windows.pip}


@pytest.mark.conda
@pytest.mark.skipif(not CONDA, reason="needs conda: set ENVTOOL_TEST_CONDA to one, or have it on PATH")
def test_real_conda_lists_the_same(home: Home) -> None:
    def record(name: str, *dists: str) -> dict[str, object]:
        channel = "https://conda.anaconda.org/conda-forge/linux-64"
        files = [f"{SP}/{one}.dist-info/RECORD" for one in dists]
        depends = ["python"] if dists else []
        address = {"channel": channel, "url": f"{channel}/{name}-1.0-0.conda"}
        return {"name": name, "files": files, "depends": depends, **address}

    python = {**PYTHON, **{k: v for k, v in record("python").items() if k != "name"}}
    whole, replaced, gone = record("whole", "whole-1.0"), record("replaced", "replaced-1.0"), record("gone", "gone-1.0")
    prefix = conda_env(home.path / "env", python, record("zlib"), whole, replaced, gone)
    for name in ("replaced", "gone"):
        shutil.rmtree(prefix / SP / f"{name}-1.0.dist-info")
    dist(prefix / SP, "whole", "1.0")
    dist(prefix / SP, "replaced", "2.0")
    dist(prefix / SP, "Mixed_Case.Name", "1+local")
    copy = shutil.copytree(prefix, home.path / "copy")
    contents = packages.read(prefix)
    told = json.loads(ask_conda(home.environ, "list", "-p", str(copy), "--json"))
    theirs = {(p["name"], p["version"], p["channel"] == "pypi") for p in told}
    assert {(p.name, p.version, p.manager == "pip") for p in (*contents.conda, *contents.pip)} == theirs
    assert not (copy / "conda-meta" / "gone-1.0-0.json").exists(), "this is what we must not do"
    assert (prefix / "conda-meta" / "gone-1.0-0.json").exists()
