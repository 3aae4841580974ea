"""Requests for conda packages as requirements for pip."""

import pytest

from envtool.operations.steps import pypi_names


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("numpy", "numpy"),
        ("numpy=1.26", "numpy==1.26.*"),
        ("numpy==1.26", "numpy==1.26"),
        ("numpy>=1.2,<2", "numpy>=1.2,<2"),
        ("uvicorn[standard]", "uvicorn[standard]"),
        ("python-dateutil", "python-dateutil"),
        ("pytorch=2.1", "torch==2.1.*"),
        ("pytorch", "torch"),
        ("./wheels/x-1-py3-none-any.whl", "./wheels/x-1-py3-none-any.whl"),
        ("git+https://git.example/x.git", "git+https://git.example/x.git"),
        ("python", None),
        ("python=3.12", None),
        ("pip", None),
        ("conda-forge::numpy", None),
        ("numpy=1.26=py311_0", None),
        ("numpy[build=py311_0]", None),
    ],
)
def test_a_name_beside_install_in_a_venv(word: str, line: str | None) -> None:
    assert pypi_names.in_a_venv(word) == line


def test_only_what_is_known_to_be_the_same_replaces_a_conda_package() -> None:
    assert pypi_names.requirement("numpy=1.26") == "numpy==1.26.*"
    assert pypi_names.requirement("ffmpeg") is None
