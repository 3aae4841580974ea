"""Disk usage of an environment, compared with ``du``."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support.layouts import conda_env, dist, venv, write

from envtool.environments.size import measure
from envtool.environments.state import broken, last_change
from envtool.environments.torch_build import torch
from envtool.model import Environment

SP = "lib/python3.11/site-packages"
DU = shutil.which("du")


def disk(path: Path) -> int:
    return path.lstat().st_blocks * 512


def test_a_file_linked_outside_is_shared_and_one_linked_inside_is_not(tmp_path: Path) -> None:
    prefix, cache = conda_env(tmp_path / "env"), tmp_path / "cache"
    own = write(prefix / "own", "o" * 9_000)
    twice = write(prefix / "twice", "t" * 20_000)
    os.link(twice, prefix / "again")
    cached = write(cache / "library", "l" * 50_000)
    os.link(cached, prefix / "library")
    os.link(cached, prefix / "library.1")
    (prefix / "link").symlink_to(cached)
    folders = sum(disk(path) for path in (prefix, prefix / "conda-meta"))
    small = disk(prefix / "conda-meta" / "history") + disk(prefix / "link")
    size = measure(prefix)
    assert size.shared == disk(cached)
    assert size.unique == disk(own) + disk(twice) + folders + small
    assert (size.files, size.unread) == (7, 0)


@pytest.mark.skipif(not DU, reason="du is missing; coreutils has it")
def test_the_sum_is_what_du_says(tmp_path: Path) -> None:
    prefix = venv(tmp_path / "env")
    for number in range(50):
        write(prefix / SP / f"package{number % 7}" / f"{number}.py", "x" * number * 997)
    os.link(prefix / SP / "package0" / "7.py", tmp_path / "outside")
    size = measure(prefix)
    said = subprocess.run([str(DU), "-s", "-k", str(prefix)], capture_output=True, text=True, check=True).stdout
    assert (size.unique + size.shared) // 1024 == int(said.split()[0])
    assert size.shared > 0


def test_folders_to_be_left_out_are_not_measured(tmp_path: Path) -> None:
    prefix = conda_env(tmp_path / "root")
    before = measure(prefix)
    write(prefix / "pkgs" / "archive", "x" * 100_000)
    after = measure(prefix, [prefix / "pkgs"])
    assert after.files == before.files
    assert after.unique < before.unique + 10_000


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nothing is closed to root")
def test_an_unreadable_folder_is_counted_as_unread(tmp_path: Path) -> None:
    closed = tmp_path / "env" / "closed"
    closed.mkdir(parents=True)
    closed.chmod(0)
    try:
        assert measure(tmp_path / "env").unread == 1
    finally:
        closed.chmod(0o700)


def test_a_prefix_that_is_not_there_is_unread(tmp_path: Path) -> None:
    assert measure(tmp_path / "gone").unread == 1


@pytest.mark.slow
def test_progress_is_reported(tmp_path: Path) -> None:
    for number in range(4100):
        (tmp_path / str(number)).touch()
    told: list[int] = []
    measure(tmp_path, progress=told.append)
    assert told == [2000, 4000]


# -- which torch -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("distribution", "own_word", "expected"),
    [
        ("2.13.0+cpu", "", "2.13.0+cpu"),
        ("2.6.0+cu124", "cuda: Optional[str] = '12.6'", "2.6.0+cu124"),
        ("2.6.0", "cuda: Optional[str] = '12.4'\nhip: Optional[str] = None", "2.6.0+cu124"),
        ("1.13.1", "cuda = '11.7'\nhip = None", "1.13.1+cu117"),
        ("2.6.0", "cuda: Optional[str] = None\nhip: Optional[str] = '6.2.41133-dd7f95766'", "2.6.0+rocm6.2"),
        ("2.6.0", "cuda: Optional[str] = None\nhip: Optional[str] = None", "2.6.0+cpu"),
        ("2.6.0", "", "2.6.0"),
    ],
)
def test_torch_from_pip(tmp_path: Path, distribution: str, own_word: str, expected: str) -> None:
    prefix = venv(tmp_path)
    dist(prefix / SP, "torch", distribution)
    dist(prefix / SP, "torch-geometric", "9.9")
    write(prefix / SP / "torch" / "version.py", f"__version__ = '{distribution}'\n{own_word}\n")
    assert torch(prefix) == expected


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        ("cuda126_mkl_py312h30b5a27_300", "2.5.1 cuda126"),
        ("py3.11_cuda12.1_cudnn8.9.2_0", "2.5.1 cuda12.1"),
        ("gpu_cuda124py311h5f1bb0d_200", "2.5.1 cuda124"),
        ("cpu_generic_py311_h7f1b3c3_1", "2.5.1 cpu"),
        ("py3.11_0", "2.5.1"),
    ],
)
def test_torch_from_conda(tmp_path: Path, build: str, expected: str) -> None:
    prefix = conda_env(tmp_path, {"name": "pytorch", "version": "2.5.1", "build": build})
    dist(prefix / SP, "torch", "2.5.1.post300")
    assert torch(prefix) == expected


def test_torch_that_pip_laid_over_condas(tmp_path: Path) -> None:
    prefix = conda_env(tmp_path, {"name": "pytorch", "version": "2.5.1", "build": "cuda126_0"})
    dist(prefix / SP, "torch", "2.6.0+cpu")
    assert torch(prefix) == "2.6.0+cpu"


def test_no_torch(tmp_path: Path) -> None:
    assert torch(conda_env(tmp_path, {"name": "pytorch-lightning"})) == ""


# -- its state ---------------------------------------------------------------------------------------------------------
def test_the_last_change_is_the_newest_trace(tmp_path: Path) -> None:
    prefix = conda_env(tmp_path / "env")
    record = write(prefix / ".envtool" / "environment.json", "{}")
    site = prefix / SP
    site.mkdir(parents=True)
    for path, time in ((prefix / "conda-meta" / "history", 100), (site, 200), (record, 50)):
        os.utime(path, (time, time))
    assert last_change(prefix) == 200
    assert last_change(tmp_path / "gone") is None


def test_unreadable_records_and_a_missing_python_count_as_broken(tmp_path: Path) -> None:
    prefix = conda_env(tmp_path, {"name": "python", "version": "3.11.7"}, {"name": "zlib"})
    environment = Environment("", prefix, "conda")
    assert broken(environment) == ()
    record = write(prefix / "conda-meta" / "zlib-1.0-0.json", "{")
    (prefix / "bin" / "python").unlink()
    (prefix / "bin" / "python").symlink_to("python3.11")
    unreadable, missing = broken(environment)
    assert str(record) in unreadable
    assert "Python" in missing


def test_an_environment_without_python_needs_none(tmp_path: Path) -> None:
    assert broken(Environment("", conda_env(tmp_path, {"name": "zlib"}), "conda")) == ()
