"""Wheels that conda-pypi put into the conda half: packages of the pip index with conda's records."""

import json
from pathlib import Path

import pytest
from support.home import Home

from envtool import specs

URL = "https://files.example/packages/ab/Toy_Lib-1.2-py3-none-any.whl"
SHA256 = "ab" * 32


@pytest.fixture
def prefix(home: Home) -> Path:
    """A conda environment with a Python, and one wheel in conda's half."""
    prefix = home.conda_envs / "demo"
    site = prefix / "lib" / "python3.12" / "site-packages" / "Toy_Lib-1.2.dist-info"
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "conda-meta" / "history").touch()
    site.mkdir(parents=True)
    (site / "METADATA").write_text("Metadata-Version: 2.1\nName: Toy_Lib\nVersion: 1.2\n")
    metadata = f"{site.relative_to(prefix).as_posix()}/METADATA"
    forge = "https://conda.anaconda.org/conda-forge"
    write(prefix, "python", "3.12.1", "h1_0", channel=forge, url=f"{forge}/linux-64/python-3.12.1-h1_0.conda")
    more = {"fn": URL.rpartition("/")[2], "sha256": SHA256, "subdir": "noarch", "files": [metadata]}
    write(prefix, "toy-lib", "1.2", "py3_none_any_0", channel="conda-pypi", url=URL, **more)
    return prefix


def write(prefix: Path, name: str, version: str, build: str, **more: object) -> None:
    record = {
        "name": name,
        "version": version,
        "build": build,
        "subdir": "linux-64",
        "depends": [],
        "files": [],
        **more,
    }
    (prefix / "conda-meta" / f"{name}-{version}-{build}.json").write_text(json.dumps(record))


@pytest.mark.usefixtures("prefix")
def test_a_wheel_of_conda_is_listed_once_and_exported_for_pip(home: Home) -> None:
    listed = home.envtool("list", "demo", "--json").data["packages"]
    assert [(p["name"], p["manager"], p["channel"]) for p in listed if p["name"] != "python"] == [
        ("toy-lib", "conda", "conda-pypi")
    ]
    exported = home.envtool("export", "demo")
    assert exported.code == 0
    spec = specs.read(exported.out, "environment.yml").spec
    assert (spec.channels, spec.conda, spec.pip) == (("conda-forge",), ("python=3.12.1", "pip"), ("toy-lib==1.2",))
    requirements = home.envtool("export", "demo", "--format", "requirements")
    assert requirements.out.splitlines()[-1] == "toy-lib==1.2"


@pytest.mark.usefixtures("prefix")
def test_an_explicit_list_has_a_wheel_as_a_line_for_pip(home: Home) -> None:
    exported = home.envtool("export", "demo", "--format", "explicit")
    assert f"\n# pip toy-lib @ {URL}#sha256={SHA256}\n" in exported.out
    spec = specs.read(exported.out).spec
    assert ([a.url.rpartition("/")[2] for a in spec.explicit], spec.pip) == (
        ["python-3.12.1-h1_0.conda"],
        (f"toy-lib @ {URL}#sha256={SHA256}",),
    )


@pytest.mark.parametrize(
    ("ending", "hash_"), [("", ""), (f"#sha256:{SHA256}", f"#sha256={SHA256}"), (f"#{'cd' * 16}", f"#md5={'cd' * 16}")]
)
def test_the_line_that_conda_writes_for_a_wheel_is_read(ending: str, hash_: str) -> None:
    spec = specs.read(f"@EXPLICIT\n{URL}{ending}\n", "list.txt").spec
    assert (spec.explicit, spec.pip) == ((), (f"toy-lib @ {URL}{hash_}",))
    assert spec.places[spec.pip[0]] == "list.txt, line 2"


@pytest.mark.slow
def test_a_wheel_of_conda_is_cloned_and_not_updated(home: Home, prefix: Path) -> None:
    assert home.envtool("create", "two", "--clone", "demo").code == 0
    [record] = (home.conda_envs / "two" / "conda-meta").glob("toy-lib-*.json")
    assert json.loads(record.read_text())["url"] == URL
    (prefix / "conda-meta" / "python-3.12.1-h1_0.json").unlink()
    updated = home.envtool("update", "-n", "demo", "--yes")
    assert (updated.code, "toy-lib" in updated.err) == (0, True), updated.err
