"""Explicit lists, conda list --export, and how a file's format is recognised."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.layouts import CORPUS

from envtool import specs
from envtool.encoding import decode
from envtool.errors import EnvtoolError, ExitCode
from envtool.model import Archive, Spec
from envtool.specs import conda_list, environment_yml, explicit, requirements

URL = "https://conda.anaconda.org/conda-forge/linux-64/bzip2-1.0.8-h99b78c6_7.conda"
MD5, SHA256 = "ab" * 16, "cd" * 32


def test_an_explicit_list_is_read_with_either_hash() -> None:
    text = f"# platform: linux-64\n@EXPLICIT\n{URL}#{MD5.upper()}\n{URL}#{SHA256}\n{URL}#sha256:{SHA256}\n\n{URL}\n"
    assert specs.read(text, "environment.yml").spec.explicit == (
        Archive(URL, md5=MD5),
        Archive(URL, sha256=SHA256),
        Archive(URL, sha256=SHA256),
        Archive(URL),
    )


def test_paths_in_an_explicit_list_start_from_its_folder(tmp_path: Path) -> None:
    text = "@EXPLICIT\npkgs/my x-1-0.tar.bz2\n/srv/y-1-0.conda\n"
    assert [archive.url for archive in explicit.read(text, base=tmp_path).spec.explicit] == [
        (tmp_path / "pkgs" / "my x-1-0.tar.bz2").as_uri(),
        "file:///srv/y-1-0.conda",
    ]


@pytest.mark.parametrize("line", ["numpy=1.0", f"{URL}#short", "https://example.org/x-1.0.whl", "--pre"])
def test_an_explicit_list_holds_nothing_else(line: str) -> None:
    with pytest.raises(EnvtoolError, match=r"list\.txt, line 2") as caught:
        specs.read(f"@EXPLICIT\n{line}\n", "list.txt")
    assert caught.value.code == ExitCode.BAD_INPUT


def test_an_explicit_list_is_written_as_conda_does() -> None:
    archives = (Archive(URL, md5=MD5, sha256=SHA256), Archive(URL, sha256=SHA256), Archive(URL))
    lines = explicit.write(archives, "linux-64").splitlines()
    assert lines[-4:] == ["@EXPLICIT", f"{URL}#{MD5}", f"{URL}#sha256:{SHA256}", URL]
    assert "# platform: linux-64" in lines


hashes = st.sampled_from([{}, {"md5": MD5}, {"sha256": SHA256}])
archives = st.builds(
    lambda name, ending, hash_: Archive(f"https://e.org/a b/linux-64/{name}-1-0{ending}", **hash_),
    st.from_regex(r"[a-z0-9_.~%+-]{1,20}", fullmatch=True),
    st.sampled_from([".conda", ".tar.bz2"]),
    hashes,
)


@given(st.lists(archives))
def test_an_explicit_list_that_was_written_is_read_back(given: list[Archive]) -> None:
    assert explicit.read(explicit.write(given, "linux-64")).spec.explicit == tuple(given)


def test_the_output_of_conda_list_is_split_into_its_halves() -> None:
    text = (
        "# This file may be used to create an environment using:\n# platform: linux-64\n"
        "_libgcc_mutex=0.1=main\nnumpy=1.26.4=py311_0\nabsl-py=1.4.0=pypi_0\ntorch=2.1.0+cu118=pypi_0\nmine=0.1=dev_0\n"
    )
    reading = specs.read(text, "requirements.txt")
    assert reading.spec == Spec(
        conda=("_libgcc_mutex=0.1=main", "numpy=1.26.4=py311_0"),
        pip=("absl-py==1.4.0", "torch==2.1.0+cu118", "mine==0.1"),
    )
    assert ["mine" in warning for warning in reading.warnings] == [True, False]


def test_another_form_in_the_output_of_conda_list_is_a_mistake() -> None:
    with pytest.raises(EnvtoolError, match=r"standard input, line 2: 'scipy'"):
        conda_list.read("numpy=1.26.4=py311_0\nscipy\n")


PIP_TABLE = """WARNING: this pip is old
Package            Version      Editable project location
------------------ ------------ -------------------------
absl-py            1.4.0
torch              2.1.0+cu118
mine               0.1          d:\\code\\mine
"""
CONDA_TABLE = """# packages in environment at /home/me/envs/dl:
#
# Name                    Version                   Build  Channel
_libgcc_mutex             0.1                 conda_forge    conda-forge
blas                      1.0                         mkl
numpy                     1.21.5           py38h6c91a56_3    conda-forge
absl-py                   0.2.2                     <pip>
torch                     1.8.0+cu111              pypi_0    pypi
"""


def test_the_table_of_pip_list_is_read() -> None:
    reading = specs.read(PIP_TABLE, "requirements.txt")
    assert reading.spec == Spec(pip=("absl-py==1.4.0", "torch==2.1.0+cu118", "mine==0.1"))
    assert [("Line 1" in warning, "Line 6" in warning) for warning in reading.warnings[1:]] == [
        (True, False),
        (False, True),
    ]


@pytest.mark.parametrize("skipped", [0, 3])
def test_the_table_of_conda_list_is_read(skipped: int) -> None:
    reading = specs.read("\r\n".join(CONDA_TABLE.splitlines()[skipped:]), "requirements.txt")
    assert reading.spec == Spec(
        channels=("conda-forge", "defaults"),
        conda=("_libgcc_mutex=0.1=conda_forge", "blas=1.0=mkl", "numpy=1.21.5=py38h6c91a56_3"),
        pip=("absl-py==0.2.2", "torch==1.8.0+cu111"),
    )
    assert any("2 lines" in warning for warning in reading.warnings)


def test_a_torn_table_is_reported_with_its_line() -> None:
    with pytest.raises(EnvtoolError, match=r"list\.txt, line 9: 'torn'"):
        specs.read(CONDA_TABLE + "torn\n", "list.txt")


@pytest.mark.parametrize(
    ("text", "filename"),
    [
        ("# two\npython=3.8\nnumpy >=1.21\nscipy  # fast\n", "requirements.txt"),
        ("pytorch::torchvision\nnumpy==1.21.*\n", "requirements.txt"),
        ("scipy\nnumpy=1.21\n", "conda_requirements.txt"),
    ],
)
def test_lines_for_conda_go_to_conda(text: str, filename: str) -> None:
    reading = specs.read(text, filename)
    assert len(reading.spec.conda) == len([line for line in text.splitlines() if not line.startswith("#")])
    assert not reading.spec.pip
    assert reading.warnings


@pytest.mark.parametrize("text", ["scipy\nnumpy=1.21\n", "python=3.8\n-e .\n", "numpy\n", "a==1\n"])
def test_other_lists_go_to_pip(text: str) -> None:
    assert specs.read(text, "requirements.txt").spec.pip


@pytest.mark.parametrize(
    ("text", "filename", "spec"),
    [
        ("name: x\ndependencies: [numpy]\n", "requirements.txt", Spec(name="x", conda=("numpy",))),
        ("dependencies: [numpy]\n", "", Spec(conda=("numpy",))),
        ('"dependencies":\n- numpy\n', "", Spec(conda=("numpy",))),
        ("numpy\n", "", Spec(pip=("numpy",))),
        ("name @ https://e.org/x.whl\n", "", Spec(pip=("name @ https://e.org/x.whl",))),
        ("# a\n\n  numpy=1=0\n", "environment.txt", Spec(conda=("numpy=1=0",))),
    ],
)
def test_what_a_file_holds_decides_before_its_name(text: str, filename: str, spec: Spec) -> None:
    assert specs.read(text, filename).spec == spec


# -- the outside corpus ------------------------------------------------------------------------------------------
BROKEN = {
    "Azure__azureml-examples__sdk_python_assets_assets-in-registry_artifacts_model_python_env.yaml": 2,
    "basnijholt__unidep__example_environment.yaml": 9,
    "basnijholt__unidep__example_environment.yaml~e076d1d6": 20,
    "jupyterhub__repo2docker__repo2docker_buildpacks_conda_environment.py-3.5.yml": 1,
    "jupyterhub__repo2docker__repo2docker_buildpacks_conda_environment.py-3.6.yml": 1,
    "jupyterhub__repo2docker__tests_conda_py35-binder-dir_environment.yml": 5,
    "mamba-org__mamba__dev_environment-dev-extra.yml": 13,
    "mamba-org__mamba__dev_environment-dev.yml": 6,
    "0k9d0h1__Underthinking__environment.yaml": 86,
    "empty_env.yml": 1,
    "invalid_keys.yml": 4,
}


def corpus() -> list[Path]:
    return [path for kind in ("environment", "requirements", "yml") for path in sorted((CORPUS / kind).glob("*"))]


@pytest.mark.corpus
@pytest.mark.parametrize("path", corpus() or [Path()], ids=lambda path: path.name)
def test_real_files_are_read_and_written_and_read_again(path: Path) -> None:
    text, name = decode(path.read_bytes()), path.name.partition("~")[0]
    if path.name in BROKEN:
        with pytest.raises(EnvtoolError) as caught:
            specs.read(text, name)
        assert caught.value.message.startswith(f"{name}, line {BROKEN[path.name]}: ")
        assert caught.value.code == ExitCode.BAD_INPUT
        return
    spec = specs.read(text, name).spec
    if spec.explicit:
        again = specs.read(explicit.write(spec.explicit, "linux-64")).spec
    elif spec.conda or not spec.pip:
        again = specs.read(environment_yml.write(spec), "environment.yml").spec
    else:
        again = specs.read(requirements.write(spec.pip)).spec
    assert again == spec


def test_a_lock_of_conda_lock_brings_its_pip_half() -> None:
    text = (
        "# platform: linux-64\n@EXPLICIT\nhttps://c/noarch/a-1-0.conda#"
        + "0" * 32
        + "\n# pip six @ https://i/six.whl#sha256=ab\n# pip -- a comment\n"
    )
    reading = specs.read(text, "conda-linux-64.lock")
    assert [archive.url for archive in reading.spec.explicit] == ["https://c/noarch/a-1-0.conda"]
    assert reading.spec.pip == ("six @ https://i/six.whl#sha256=ab",)
    assert reading.spec.places == {reading.spec.pip[0]: "conda-linux-64.lock, line 4"}
    assert "pip" in reading.warnings[0]
