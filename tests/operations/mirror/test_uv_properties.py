"""Switches of generated ``uv.toml`` files, judged by the indexes that uv itself asks afterwards."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envtool.clients.protocol import Scope
from envtool.operations.context import Context
from envtool.operations.mirror import switch
from envtool.operations.steps import file_edits
from envtool.paths import Host
from envtool.reporter import Silent

pytestmark = pytest.mark.slow

NJU = "https://mirror.nju.edu.cn/pypi/web/simple"
PUBLIC = [
    "https://pypi.tuna.tsinghua.edu.cn/simple",
    "http://pypi.douban.com/simple",
    "https://mirrors.volces.com/pypi/simple/",
]
PRIVATE = ["https://one.invalid/simple", "https://two.invalid/simple"]


@st.composite
def uv_files(draw: st.DrawFn) -> str:
    """A ``uv.toml`` with indexes in every place and form in which uv takes them, public and private ones."""
    url = st.sampled_from([*PUBLIC, *PRIVATE])
    top = ["# mine", "no-cache = false  # kept"]
    if draw(st.booleans()):
        top.append(f"index-url = '{draw(url)}'")
    if extra := draw(st.lists(url, max_size=2, unique=True)):
        glue = draw(st.sampled_from([", ", ",\n  "]))
        top.append("extra-index-url = [" + glue.join(f'"{item}"' for item in extra) + "]")
    tables: list[str] = []
    for number in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(["", "default = true", "explicit = true"]))
        name = f'name = "n{number}"\n' if kind == "explicit = true" or draw(st.booleans()) else ""
        tables.append(f'[[index]]\n{name}url = "{draw(url)}"\n{kind}\n')
    if draw(st.booleans()):
        tables.append(f'[pip]\nindex-url = "{draw(url)}"\nstrict = true\n')
    if not any(table.startswith("[[index]]") for table in tables) and draw(st.booleans()):
        top.append(f'index = [{{ url = "{draw(url)}" }}]')
    text = "\n".join([*top, *draw(st.permutations(tables))]) + "\n"
    return text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))


def asked(home: Path) -> list[str]:
    """Return the indexes that uv asks for a package, in its order."""
    from uv import find_uv_bin

    done = subprocess.run(
        [find_uv_bin(), "pip", "compile", "--offline", "--no-cache", "--verbose", "-"],
        env={"HOME": str(home), "PATH": str(Path(sys.executable).parent)},
        cwd=home,
        input="no-such-x",
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Failed to parse" not in done.stderr, done.stderr
    lines = [line for line in done.stderr.splitlines() if "fresh GET request for: " in line]
    return [line.partition("for: ")[2].strip().removesuffix("/no-such-x/") for line in lines]


@given(uv_files())
@settings(max_examples=max(12, settings().max_examples * 2 // 5))
def test_uv_asks_the_mirror_and_every_private_index_that_it_asked(text: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        home = Path(name).resolve()
        path = home / ".config/uv/uv.toml"
        path.parent.mkdir(parents=True)
        path.write_bytes(text.encode())
        host = Host({"PATH": str(Path(sys.executable).parent)}, home, "Linux", "x86_64")
        before = asked(home)
        planned = switch.plan_set(Context(host, Silent()), "nju", ("uv",), Scope("user"), clean=True)
        file_edits.carry_out(host, "mirror", planned.plan)
        after = asked(home)
        private = [url for url in before if url in PRIVATE]
        assert [url for url in after if url in PRIVATE] == private
        assert not {url.rstrip("/") for url in after} & {url.rstrip("/") for url in PUBLIC}
        if not private or before[-1] not in PRIVATE:
            assert after[-1] == NJU
        now = path.read_bytes().decode()
        assert all(kept in now for kept in ("# mine", "# kept"))
        again = switch.plan_set(Context(host, Silent()), "nju", ("uv",), Scope("user"), clean=True)
        assert again.plan.edits == ()
        assert not again.stale
        if planned.plan.edits:
            file_edits.undo(host, "mirror")
        assert path.read_bytes() == text.encode()
