"""Relative paths in requirement lines, which start from the folder of their file."""

import subprocess
from pathlib import Path

import pytest

from envtool import specs
from envtool.engines.uv import uv_program
from envtool.errors import EnvtoolError, ExitCode
from envtool.specs.references import anchored

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
    assert anchored(line, BASE, BASE) == expected


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
    assert anchored(line, BASE, BASE) == line


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A file that asks for others, which ask for more, in folders of their own."""
    texts = {
        "all/environment.yml": "dependencies:\n  - pip\n  - pip:\n      - -r ../lists/first.txt\n      - -e ./edited\n",
        "lists/first.txt": "-r deeper/second.txt\n-c held.txt\n../lists/own\nnamed @ ./named\n",
        "lists/held.txt": "colorama==0.4.5\n",
        "lists/deeper/second.txt": "numpy=1.26.4=py311_0\n../lists/third\n",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(text)
    for folder in ("all/edited", "lists/own", "lists/named", "lists/third"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "pyproject.toml").write_text(f"[project]\nname = '{Path(folder).name}'\nversion = '1.0'\n")
    return tmp_path


def test_files_that_a_file_names_are_read_where_they_lie(files: Path) -> None:
    text = (files / "all/environment.yml").read_text()
    reading = specs.read(text, "environment.yml", base=files / "all")
    assert reading.spec.pip == (
        f"{files}/lists/third",
        f"-c {files}/lists/held.txt",
        f"{files}/lists/own",
        f"named @ file://{files}/lists/named",
        f"-e {files}/all/edited",
    )
    assert reading.spec.conda == ("pip", "numpy=1.26.4=py311_0")
    assert [warning.partition(":")[0] for warning in reading.warnings] == ["second.txt"]
    assert specs.read(text, "environment.yml").spec.pip[0] == "-r ../lists/first.txt"
    (files / "lines.txt").write_text("".join(f"{line}\n" for line in reading.spec.pip))
    done = subprocess.run(
        [uv_program(), "pip", "compile", "--no-header", "--no-annotate", files / "lines.txt"],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in ("third", "own", "named", "edited"))


def test_a_project_is_where_pip_looks_for_it_or_else_beside_the_file(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(files / "all")
    text = "-e ./edited\n./own\n-e .\n"  # of which the first and the last are found from where pip is called
    reading = specs.read(text, "requirements.txt", base=files / "lists")
    assert reading.spec.pip == (f"-e {files}/all/edited", f"{files}/lists/own", f"-e {files}/all")


def test_a_file_that_is_not_there_or_names_itself_is_refused(files: Path) -> None:
    with pytest.raises(EnvtoolError, match="does not exist"):
        specs.read("-r nowhere.txt\n", "requirements.txt", base=files)
    (files / "lists/deeper/second.txt").write_text("-r ../first.txt\n")
    with pytest.raises(EnvtoolError, match="includes itself") as caught:
        specs.read("-r lists/first.txt\n", "requirements.txt", base=files)
    assert caught.value.code == ExitCode.BAD_INPUT
