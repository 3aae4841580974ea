"""The choice of an engine, from what the registered engines say about themselves."""

from pathlib import Path

import pytest
from support.broken_condas import BROKEN, WORKING, program
from support.home import Home

from envtool.engines import AUTO, ENGINES, engine_type
from envtool.errors import EnvtoolError, ExitCode
from envtool.model import Environment, Kind
from envtool.operations.steps import engine_selection


@pytest.fixture
def account(home: Home) -> Home:
    """An account whose PATH has no conda."""
    home.environ["PATH"] = str(home.path / "bin")
    (home.path / "bin").mkdir()
    return home


def with_conda(home: Home) -> str:
    return str(program(home.path / "bin" / "conda", WORKING))


def test_auto_takes_an_installed_conda_and_else_the_embedded_engine(account: Home) -> None:
    chosen = engine_selection.for_new(account.context, AUTO)
    assert (chosen.engine.name, chosen.reason) == ("embedded", "Engine: embedded, since no conda is installed.")
    conda = with_conda(account)
    chosen = engine_selection.for_new(account.context, AUTO)
    assert (chosen.engine.name, chosen.reason) == ("conda", f"Engine: conda, found at {conda}.")


@pytest.mark.parametrize("name", ENGINES)
def test_the_one_that_is_asked_for_is_taken_or_says_why_not(account: Home, name: str) -> None:
    with_conda(account)
    assert engine_selection.for_new(account.context, name).engine is engine_type(name)


def test_an_engine_that_is_not_there_is_refused(account: Home) -> None:
    with pytest.raises(EnvtoolError, match="No conda") as missing:
        engine_selection.for_new(account.context, "conda")
    assert missing.value.code == ExitCode.MISSING
    with pytest.raises(EnvtoolError, match="no engine 'mamba'") as unknown:
        engine_selection.for_new(account.context, "mamba")
    assert unknown.value.code == ExitCode.USAGE
    assert all(name in unknown.value.hint for name in (AUTO, *ENGINES))


@pytest.mark.parametrize("kind", BROKEN)
def test_a_conda_that_does_not_work_is_no_engine(account: Home, kind: str) -> None:
    text, cause = BROKEN[kind]
    conda = program(account.path / "bin" / "conda", text)
    made_by_conda = Environment("dl", Path("/nowhere/dl"), "conda", "conda")
    new, existing = (
        engine_selection.for_new(account.context, AUTO),
        engine_selection.for_existing(account.context, made_by_conda),
    )
    for chosen in (new, existing):
        assert chosen.engine.name == "embedded"
        assert str(conda) in chosen.reason
        assert cause in chosen.reason
    with pytest.raises(EnvtoolError) as asked:
        engine_selection.for_new(account.context, "conda")
    assert asked.value.code == ExitCode.MISSING
    assert cause in asked.value.message
    assert "--engine embedded" in asked.value.hint


def test_the_shell_may_point_to_a_conda_that_may_not_be_run(account: Home) -> None:
    conda = program(account.path / "miniconda3" / "bin" / "conda", WORKING, 0o644)
    account.environ["CONDA_EXE"] = str(conda)
    chosen = engine_selection.for_new(account.context, AUTO)
    assert chosen.engine.name == "embedded"
    assert "Permission denied" in chosen.reason


@pytest.mark.parametrize("name", ["mamba", "micromamba"])
def test_a_broken_mamba_is_no_engine_either(account: Home, name: str) -> None:
    mamba = program(account.path / "bin" / name, "\x7fELF")
    chosen = engine_selection.for_new(account.context, AUTO)
    assert chosen.engine.name == "embedded"
    assert str(mamba) in chosen.reason


@pytest.mark.parametrize(
    ("kind", "maker", "conda", "taken"),
    [
        ("venv", "venv", True, "venv"),
        ("venv", "", True, "venv"),  # made by another program
        ("conda", "embedded", True, "embedded"),
        ("conda", "conda", True, "conda"),
        ("conda", "conda", False, "embedded"),  # the conda that made it is gone
        ("conda", "", True, "conda"),
        ("conda", "", False, "embedded"),
        ("conda", "of a later version", True, "conda"),
    ],
)
def test_an_environment_is_changed_by_its_maker_or_by_the_first_that_can(
    account: Home, kind: Kind, maker: str, conda: bool, taken: str
) -> None:
    if conda:
        with_conda(account)
    environment = Environment("dl", Path("/nowhere/dl"), kind, maker)
    chosen = engine_selection.for_existing(account.context, environment)
    assert chosen.engine.name == taken
    assert f"Engine: {taken}" in chosen.reason
    assert ("made dl" in chosen.reason) is (maker == taken)


def test_without_channels_an_engine_is_taken_that_needs_none(account: Home) -> None:
    assert not engine_selection.without_channels(account.context).conda_half
