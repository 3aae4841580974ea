"""``mirror show`` over generated layouts, compared with what uv, pip and conda themselves say."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.condas import CONDA

from envtool.operations.context import Context
from envtool.operations.mirror import show
from envtool.paths import Host
from envtool.reporter import Silent

pytestmark = pytest.mark.slow

URLS = [f"http://{name}.invalid/simple" for name in ("a", "b", "c", "d")]
NAMES = ["", "", "one", "two"]


# -- uv ---------------------------------------------------------------------------------------------------------------
@st.composite
def uv_tables(draw: st.DrawFn, prefix: str = "") -> str:
    """Settings of uv that name indexes, in every form that uv accepts, with keys above tables as TOML wants it."""
    url = st.sampled_from(URLS)
    lines: list[str] = []
    if draw(st.booleans()):
        lines.append(f'index-url = "{draw(url)}"')
    if extra := draw(st.lists(url, max_size=2)):
        lines.append(f"extra-index-url = {json.dumps(extra)}")
    if draw(st.integers(0, 9)) == 0:
        lines.append("no-index = true")
    if prefix:
        lines.insert(0, f"[{prefix}]")
    for name in draw(st.lists(st.sampled_from(NAMES), max_size=3)):
        lines += [f"[[{prefix + '.' if prefix else ''}index]]", f'url = "{draw(url)}"']
        lines += [f'name = "{name}"'] if name else []
        kind = draw(st.sampled_from(["", "", "default = true", "explicit = true"]))
        if kind != "explicit = true" or name:
            lines += [kind] if kind else []
    pip: list[str] = []
    if draw(st.booleans()):
        pip.append(f'index-url = "{draw(url)}"')
    if extra := draw(st.lists(url, max_size=1)):
        pip.append(f"extra-index-url = {json.dumps(extra)}")
    if draw(st.integers(0, 9)) == 0:
        pip.append(f"no-index = {draw(st.sampled_from(['true', 'false']))}")
    if pip:
        lines += [f"[{prefix + '.' if prefix else ''}pip]", *pip]
    return "\n".join(lines) + "\n"


UV_VARIABLES = st.fixed_dictionaries(
    {},
    optional={
        "UV_DEFAULT_INDEX": st.sampled_from([URLS[0], "", f"one={URLS[1]}"]),
        "UV_INDEX_URL": st.sampled_from([URLS[2], ""]),
        "UV_INDEX": st.sampled_from([URLS[1], f"two={URLS[3]}", f"{URLS[0]} {URLS[2]}"]),
        "UV_EXTRA_INDEX_URL": st.sampled_from([URLS[3], f"{URLS[1]} {URLS[2]}"]),
    },
)


def asked_by_uv(home: Path, folder: Path, variables: dict[str, str]) -> tuple[list[str], str]:
    """Return the indexes that uv asks for a package, in its order, and what it says instead where it stops."""
    from uv import find_uv_bin

    environ = {"HOME": str(home), "PATH": str(Path(sys.executable).parent), "XDG_CONFIG_DIRS": str(home / "xdg")}
    command = [find_uv_bin(), "pip", "compile", "--offline", "--no-cache", "--verbose", "-"]
    done = subprocess.run(
        command,
        env={**environ, **variables},
        cwd=folder,
        input="no-such-x",
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in done.stderr.splitlines() if "fresh GET request for: " in line]
    asked = [line.partition("for: ")[2].strip().removesuffix("/no-such-x/") for line in lines]
    return asked, "" if lines or "No solution" in done.stderr or "--no-index" in done.stderr else done.stderr


def shown_uv(home: Path, folder: Path, variables: dict[str, str]) -> show.View:
    environ = {
        "HOME": str(home),
        "PATH": str(Path(sys.executable).parent),
        "XDG_CONFIG_DIRS": str(home / "xdg"),
        **variables,
    }
    context = Context(Host(environ, home, "Linux", "x86_64"), Silent())
    return next(view for view in show.show(context, folder) if view.client == "uv")


@given(
    st.fixed_dictionaries(
        {},
        optional={
            ".config/uv/uv.toml": uv_tables(),
            "xdg/uv/uv.toml": uv_tables(),
            "project/uv.toml": uv_tables(),
            "project/pyproject.toml": uv_tables("tool.uv"),
        },
    ),
    UV_VARIABLES,
)
@settings(max_examples=max(12, settings().max_examples * 2 // 5))
def test_uv_asks_what_show_says(files: dict[str, str], variables: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        home = Path(name).resolve()
        folder = home / "project" / "inner"
        folder.mkdir(parents=True)
        for path, text in files.items():
            (home / path).parent.mkdir(parents=True, exist_ok=True)
            (home / path).write_text(text)
        asked, stopped = asked_by_uv(home, folder, variables)
        view = shown_uv(home, folder, variables)
        assert bool(view.broken) is bool(stopped), (view.broken, stopped)
        if stopped:
            return
        ours = [url if "://" in url else "default" for url in view.resolved["uv pip install x"]]
        theirs = [url if ".invalid" in url else "default" for url in asked]
        assert ours == theirs
        assert sum(line.effect == "wins" for line in view.lines) <= 1


# -- pip --------------------------------------------------------------------------------------------------------------
@st.composite
def pip_files(draw: st.DrawFn) -> str:
    lines: list[str] = []
    for section in draw(st.lists(st.sampled_from(["global", "install", "download", "list"]), max_size=3, unique=True)):
        lines.append(f"[{section}]")
        for option in draw(
            st.lists(st.sampled_from(["index-url", "index_url", "extra-index-url", "timeout"]), max_size=2, unique=True)
        ):
            if option.replace("_", "-") not in {line.split(" ")[0].replace("_", "-") for line in lines[-2:]}:
                glue = draw(st.sampled_from([" = ", "=", ": "]))
                value = draw(st.sampled_from([*URLS, "", "\n    " + URLS[0]])) if "url" in option else "9"
                lines.append(f"{option}{glue}{value}")
        lines += draw(st.sampled_from([[], ["# 注释"], ["", "; mine"]]))
    return "\n".join(lines) + "\n"


def pip_says(home: Path, variables: dict[str, str]) -> str:
    """Return the index that pip's own parser of options gives to an install command, or what it stops with."""
    script = (
        "from pip._internal.commands import create_command\n"
        "options, _ = create_command('install').parse_args(['x'])\n"
        "print(options.index_url)\n"
    )
    environ = {"HOME": str(home), "PATH": "/usr/bin:/bin", "XDG_CONFIG_DIRS": str(home / "xdg"), "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**environ, **variables},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() if done.returncode == 0 else f"stops: {done.stderr}"


@given(
    st.fixed_dictionaries(
        {},
        optional={".config/pip/pip.conf": pip_files(), ".pip/pip.conf": pip_files(), "xdg/pip/pip.conf": pip_files()},
    ),
    st.fixed_dictionaries({}, optional={"PIP_INDEX_URL": st.sampled_from([URLS[3], ""])}),
)
@settings(max_examples=max(10, settings().max_examples * 2 // 5))
def test_pip_takes_what_show_says(files: dict[str, str], variables: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        home = Path(name).resolve()
        for path, text in files.items():
            (home / path).parent.mkdir(parents=True, exist_ok=True)
            (home / path).write_text(text, encoding="utf-8")
        environ = {"HOME": str(home), "PATH": "/usr/bin:/bin", "XDG_CONFIG_DIRS": str(home / "xdg"), **variables}
        views = show.show(Context(Host(environ, home, "Linux", "x86_64"), Silent()), home)
        view = next(view for view in views if view.client == "pip")
        said = pip_says(home, variables)
        assert bool(view.broken) is said.startswith("stops"), (view.broken, said)
        if not view.broken:
            (ours,) = view.resolved["pip install x"]
            assert ours == (said if ".invalid" in said else ours)
            assert ("://" in ours) is (".invalid" in said)


# -- conda ------------------------------------------------------------------------------------------------------------
CHANNELS = ["defaults", "conda-forge", "lab", "bioconda", "https://a.invalid/x", "https://conda.anaconda.org/nvidia"]
PARTS = ["https://a.invalid/pkgs/main", "https://repo.anaconda.com/pkgs/r", "main", "conda-forge"]


@st.composite
def condarcs(draw: st.DrawFn) -> str:
    lines: list[str] = []
    if draw(st.booleans()):
        channels: list[str] = draw(st.lists(st.sampled_from(CHANNELS), max_size=3, unique=True))
        lines.append(f"channels: {json.dumps(channels)}")
    if draw(st.booleans()):
        parts: list[str] = draw(st.lists(st.sampled_from(PARTS), max_size=2, unique=True))
        lines += ["default_channels:", *(f"  - {part}" for part in parts)] if parts else ["default_channels: []"]
    if draw(st.booleans()):
        lines.append("custom_channels: {conda-forge: https://b.invalid/cloud, lab: https://c.invalid/}")
    if draw(st.booleans()):
        lines.append(f"channel_alias: {draw(st.sampled_from(['https://d.invalid/', 'https://d.invalid/alias']))}")
    if draw(st.integers(0, 3)) == 0:
        lines += ["custom_multichannels:", "  lab:", "    - https://e.invalid/one", "    - bioconda"]
    return "\n".join(draw(st.permutations(_blocks(lines)))) + "\n"


def _blocks(lines: list[str]) -> list[str]:
    blocks: list[str] = []
    for line in lines:
        if line.startswith(" "):
            blocks[-1] += f"\n{line}"
        else:
            blocks.append(line)
    return blocks


@pytest.fixture(scope="module")
def conda_says() -> Iterator["subprocess.Popen[str]"]:
    """conda's own settings code, in one process: a list of files in, what each name stands for out."""
    python = Path(CONDA).resolve().parent / "python" if CONDA else Path("absent")
    if not python.exists():
        pytest.skip("no conda found: set ENVTOOL_TEST_CONDA to one")
    script = (
        "import json, sys\nfrom conda.base.context import context, reset_context\n"
        "from conda.models.channel import Channel\n"
        "for line in sys.stdin:\n"
        "    reset_context(search_path=tuple(json.loads(line)))\n"
        "    names = dict.fromkeys((*context._channels, 'defaults', 'conda-forge'))\n"
        "    print(json.dumps({name: list(Channel(name).base_urls) for name in names}), flush=True)\n"
    )
    with subprocess.Popen([python, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        yield running
        assert running.stdin
        running.stdin.close()


@pytest.mark.conda
@given(st.fixed_dictionaries({}, optional={".config/conda/.condarc": condarcs(), ".condarc": condarcs()}))
@settings(max_examples=max(25, settings().max_examples * 2 // 5))
def test_conda_resolves_what_show_says(conda_says: "subprocess.Popen[str]", files: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        home = Path(name).resolve()
        paths = []
        for path, text in sorted(files.items(), reverse=True):
            (home / path).parent.mkdir(parents=True, exist_ok=True)
            (home / path).write_text(text)
        paths = [str(home / path) for path in (".config/conda/.condarc", ".condarc") if path in files]
        assert conda_says.stdin
        assert conda_says.stdout
        conda_says.stdin.write(json.dumps(paths) + "\n")
        conda_says.stdin.flush()
        said = json.loads(conda_says.stdout.readline())
        views = show.show(Context(Host({"HOME": str(home)}, home, "Linux", "x86_64"), Silent()), home)
        assert {word: list(urls) for word, urls in views[0].resolved.items()} == said
