"""Names of environments: which are valid, and why others are not."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envtool.errors import EnvtoolError, ExitCode
from envtool.operations.steps.names import check


@pytest.mark.parametrize("name", ["dl", "torch2.13", "my-env_3", "环境", "a"])
def test_good_names(name: str) -> None:
    assert check(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("", "  ", "a b", "../x", "a/b", "a\\b", ".", "..", ".hidden", "-x", "--yes", "base", "root", "Base", "a:b"),
        *("a#b", "a$b", "a`b`", "a'b", 'a"b', "a*b", "a\nb", "a\0b", "x" * 201),
    ],
)
def test_bad_names_are_refused_with_the_reason(name: str) -> None:
    with pytest.raises(EnvtoolError) as raised:
        check(name)
    assert raised.value.code == ExitCode.USAGE
    assert raised.value.hint


@given(st.text(max_size=30))
def test_a_valid_name_is_one_path_component(name: str) -> None:
    try:
        check(name)
    except EnvtoolError:
        return
    assert Path("/envs", name).parent == Path("/envs")
    assert Path("/envs", name).name == name
    assert not name.startswith("-")
    assert len(name.split()) == 1
