"""Relative paths in requirement lines start from their file's folder, for the program that reads them in the end."""

import subprocess
from pathlib import Path

import pytest

from envtool.engines.installers import uv_program
from envtool.specs.places import anchored

BASE = Path("/home/me/pro ject")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("-r other.txt", "-r /home/me/pro ject/other.txt"),
        ("-rother.txt", "-r/home/me/pro ject/other.txt"),
        ("--requirement=../other.txt", "--requirement=/home/me/other.txt"),
        ("-c a b.txt", "-c /home/me/pro ject/a b.txt"),
        ("--find-links wheels", "--find-links /home/me/pro ject/wheels"),
        ("-e .", "-e /home/me/pro ject"),
        ("-e .[dev,test]", "-e /home/me/pro ject[dev,test]"),
        ("--editable ./own#egg=own", "--editable /home/me/pro ject/own#egg=own"),
        (".", "/home/me/pro ject"),
        (".[dev]", "/home/me/pro ject[dev]"),
        ("../own", "/home/me/own"),
        ("./own ; python_version < '4'", "/home/me/pro ject/own ; python_version < '4'"),
        ("wheels/own-1.0-py3-none-any.whl", "/home/me/pro ject/wheels/own-1.0-py3-none-any.whl"),
        ("own-1.0.tar.gz", "/home/me/pro ject/own-1.0.tar.gz"),
        ("own @ ./own", "own @ file:///home/me/pro%20ject/own"),
        ("own@file:own ; python_version < '4'", "own@file:///home/me/pro%20ject/own ; python_version < '4'"),
    ],
)
def test_a_relative_path_starts_from_the_file(line: str, expected: str) -> None:
    assert anchored(line, BASE) == expected


@pytest.mark.parametrize(
    "line",
    [
        "numpy",
        "numpy>=1.2,<2 ; python_version < '4'",
        "torch==2.1.0+cu121",
        "uvicorn[standard]==0.30.*",
        "-r https://host/requirements.txt",
        "-r /etc/requirements.txt",
        "-e git+https://host/own.git@v1#egg=own&subdirectory=sub",
        "-e git+ssh://git@host/own.git",
        "-e /home/me/own",
        "-f https://host/whl/torch_stable.html",
        "--find-links=https://host/whl",
        "-i https://host/simple",
        "--extra-index-url https://host/simple",
        "--no-index",
        "--no-binary :all:",
        "own @ https://host/own-1.0.zip",
        "own @ file:///home/me/own",
        "own @ git+https://host/own.git@main",
        "https://host/own-1.0.tar.gz",
        "file:///home/me/own.whl",
        "git+https://host/own",
        "/home/me/own",
        "C:\\own\\x.whl",
        "backports.zstd",
    ],
)
def test_any_other_line_is_left_alone(line: str) -> None:
    assert anchored(line, BASE) == line


def test_uv_finds_it_all_from_somewhere_else(tmp_path: Path) -> None:
    here, there = tmp_path / "a folder", tmp_path / "else"
    for folder in (here / "own", here / "named", here / "edited", there):
        folder.mkdir(parents=True)
        (folder / "pyproject.toml").write_text(f"[project]\nname = '{folder.name}'\nversion = '1.0'\n")
    (here / "nested.txt").write_text("./own\n")
    lines = ("-r nested.txt", "-c nested.txt", "-e ./edited", "named @ ./named")
    (there / "all.txt").write_text("".join(anchored(line, here) + "\n" for line in lines[:1] + lines[2:]))
    done = subprocess.run(
        [uv_program(), "pip", "compile", "--no-header", "--no-annotate", "--offline", "all.txt"],
        cwd=there,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert {"edited", "named", "own"} <= {part for line in done.stdout.split() for part in line.split("/")}
