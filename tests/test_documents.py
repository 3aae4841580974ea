"""JSON and YAML of any origin: limits on nesting and repetition, and nothing else changed."""

import json
from pathlib import Path

import pytest
import yaml

from envtool.clients.conda.condarc import read_layer
from envtool.documents import DEPTH, NODES, check_yaml, compose_yaml, load_yaml, parse_json
from envtool.errors import EnvtoolError, ExitCode
from envtool.specs import environment_yml

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 20)
)
MERGES = "a0: &a0 {k: v}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 40))
HOSTILE = {
    "aliases of aliases": BOMB,
    "merges of merges": MERGES,
    "nested lists": "a: " + "[" * 20_000,
    "nested lists, closed": "a: " + "[" * 900 + "]" * 900,
    "nested maps": "a: " + "{a: " * 900 + "}" * 900,
    "nested blocks": "".join(" " * n + "a:\n" for n in range(900)),
    "dashes": "a:\n" + "- " * 5_000,
    "many": "a:\n" + "- b\n" * (NODES + 1),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("read", [load_yaml, compose_yaml, lambda text: check_yaml(text, slow=True)])
def test_yaml_that_would_take_for_ever_is_refused(text: str, read: object) -> None:
    with pytest.raises(yaml.YAMLError, match=r"nested too deeply|too many values"):
        read(text)  # type: ignore[operator]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_readers_say_so_with_the_file(tmp_path: Path, text: str) -> None:
    (tmp_path / ".condarc").write_text(text)
    with pytest.raises(EnvtoolError, match=r"condarc.*(nested too deeply|too many values)") as caught:
        read_layer(tmp_path / ".condarc")
    assert caught.value.code == ExitCode.BAD_INPUT
    with pytest.raises(EnvtoolError, match=r"environment\.yml, line.*(nested too deeply|too many values)") as caught:
        environment_yml.read(f"name: t\ndependencies: [python]\n{text}", "environment.yml")
    assert caught.value.code == ExitCode.BAD_INPUT


def test_what_real_files_do_is_allowed() -> None:
    text = "base: &base {a: 1}\nsame: *base\nmore: {<<: *base, b: [2, 3]}\n"
    assert load_yaml(text) == yaml.safe_load(text)
    nested = "[" * (DEPTH - 1) + "]" * (DEPTH - 1)
    assert load_yaml(nested) == json.loads(nested)
    assert compose_yaml("") is None
    assert compose_yaml("a: [1]") is not None


def test_broken_yaml_is_refused_by_the_parser_that_reads_it() -> None:
    check_yaml("a: [", slow=True)  # left to the parser in Python
    with pytest.raises(yaml.YAMLError):
        compose_yaml("a: [")
    with pytest.raises(yaml.YAMLError):
        load_yaml("a: [")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "[" * 200_000 + "]" * 200_000, "", "{"])
def test_json_beyond_the_stack_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"nested too deeply|Expecting"):
        parse_json(text)


@pytest.mark.parametrize("text", ["a: 2026-99-99", "a: " + "9" * 5000, "a: !!python/object:os.system x", "{[]: 1}"])
def test_a_value_that_cannot_be_made_is_an_error_of_the_text(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        load_yaml(text)
