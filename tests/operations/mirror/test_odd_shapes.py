"""Settings files of any shape: show, set and unset answer or refuse; none ends in a traceback or writes half of it."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envtool.clients import CLIENTS
from envtool.clients.protocol import Scope
from envtool.operations.context import Context
from envtool.operations.mirror import show, switch
from envtool.operations.steps import file_edits
from envtool.paths import Host
from envtool.reporter import Silent

pytestmark = pytest.mark.slow

WORDS = [
    "channels",
    "default_channels",
    "custom_channels",
    "custom_multichannels",
    "channel_alias",
    "mirrored_channels",
    "allowlist_channels",
    "index",
    "index-url",
    "extra-index-url",
    "pip",
    "url",
    "default",
    "name",
    "mirrors",
    "pypi-config",
    "python-install-mirror",
    "conda-forge",
    "defaults",
]
TEXTS = [*WORDS, "https://pypi.tuna.tsinghua.edu.cn/simple", "https://conda.anaconda.org/conda-forge", "", "x y", "%("]
SCALARS = st.one_of(st.sampled_from(TEXTS), st.booleans(), st.integers(-1, 3))
VALUES: st.SearchStrategy[object] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=3)
)
DOCUMENTS: st.SearchStrategy[dict[str, object]] = st.dictionaries(st.sampled_from(WORDS), VALUES, max_size=4)


def as_toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {as_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    return json.dumps(value)


def toml(document: dict[str, object]) -> str:
    return "".join(f"{json.dumps(key)} = {as_toml(value)}\n" for key, value in document.items())


def ini(document: dict[str, object]) -> str:
    lines = []
    for section, value in document.items():
        lines.append(f"[{section}]")
        pairs = value.items() if isinstance(value, dict) else [("index-url", value)]
        lines += [f"{key} = {item}" for key, item in pairs]
    return "\n".join(lines) + "\n"


@given(
    st.fixed_dictionaries(
        {},
        optional={
            ".condarc": DOCUMENTS.map(json.dumps),
            ".mambarc": DOCUMENTS.map(json.dumps),
            ".config/uv/uv.toml": DOCUMENTS.map(toml),
            ".pixi/config.toml": DOCUMENTS.map(toml),
            ".config/pip/pip.conf": DOCUMENTS.map(ini),
        },
    )
)
def test_no_shape_ends_in_a_traceback(files: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        for path, text in files.items():
            (home / path).parent.mkdir(parents=True, exist_ok=True)
            (home / path).write_text(text)
        host = Host({}, home, "Linux", "x86_64")
        context = Context(host, Silent())
        broken = {view.client for view in show.show(context, home) if view.broken}
        planned = switch.plan_set(context, "nju", tuple(CLIENTS), Scope("user"), clean=True)
        unset = switch.plan_unset(context, tuple(CLIENTS), Scope("user"))
        refused = {refusal.client for refusal in planned.refused}
        assert broken - {"envtool"} <= refused | {"mamba"}
        for plan in (planned, unset):
            if plan.plan.edits:
                file_edits.carry_out(host, "mirror", plan.plan)
                file_edits.undo(host, "mirror")
        assert {path: (home / path).read_text() for path in files} == files
