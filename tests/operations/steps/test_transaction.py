"""The transaction around a change: it ends in the new state, in the old one, or marked, and says which."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.home import Home
from support.layouts import venv, write
from support.reporter import Recorder

from envtool.engines.protocol import Engine, Solution, SolveRequest
from envtool.errors import EnvtoolError
from envtool.model import Environment
from envtool.operations.context import Context
from envtool.operations.steps import engine_selection
from envtool.operations.steps.prefix_lock import holding
from envtool.operations.steps.transaction import Frame, changing, held
from envtool.prefix import snapshot
from envtool.prefix.marks import mark_unfinished, snapshot_of, unfinished
from envtool.prefix.snapshot import Footprint, Snapshot
from envtool.reporter import Silent

SITE = "lib/python3.11/site-packages"
NOTHING = Solution(SolveRequest())
PATHS = Footprint(frozenset({f"{SITE}/six.py"}), coming=frozenset({f"{SITE}/new.py"}))


@pytest.fixture
def environment(home: Home) -> Environment:
    """A venv with one module, which its own engine changes."""
    prefix = venv(home.venvs / "dl")
    write(prefix / SITE / "six.py", "old")
    return Environment("dl", prefix, "venv", "venv")


@pytest.fixture
def engine(home: Home, environment: Environment) -> Iterator[Engine]:
    context = Context(home.host, Silent())
    choice = engine_selection.for_existing(context, environment)
    with engine_selection.opened(context, choice, "envtool install") as opened:
        yield opened


def files(prefix: Path) -> dict[str, str]:
    paths = (path for path in prefix.rglob("*") if path.is_file())
    return {path.relative_to(prefix).as_posix(): path.read_text() for path in paths}


@contextmanager
def change(environment: Environment, engine: Engine, heard: Recorder) -> Iterator[Path]:
    """Hold the environment and change it; yield its prefix."""
    command = "envtool install -n dl six"
    with held(environment, command, heard) as scratch:
        frame = Frame(environment.prefix, command, scratch)
        with changing(frame, engine, NOTHING, PATHS, heard):
            yield environment.prefix


def damage(prefix: Path) -> None:
    """Change what the footprint names, and what it does not."""
    (prefix / SITE / "six.py").unlink()
    write(prefix / SITE / "six.py", "half of the new")
    write(prefix / SITE / "new.py", "new")
    write(prefix / "bin" / "leftover", "new")


def test_a_change_that_succeeds_leaves_no_trace_of_the_old_state(environment: Environment, engine: Engine) -> None:
    heard = Recorder()
    with change(environment, engine, heard) as prefix:
        assert unfinished(prefix) == "envtool install -n dl six"
        assert snapshot_of(prefix).is_dir()
        write(prefix / SITE / "new.py", "new")
    assert files(prefix)[f"{SITE}/new.py"] == "new"
    assert unfinished(prefix) == ""
    assert not snapshot_of(prefix).exists()
    assert heard.notes == []


@pytest.mark.parametrize("error", [EnvtoolError("no such package"), OSError("disk full"), KeyboardInterrupt()])
def test_a_change_that_fails_leaves_every_file_as_it_was(
    environment: Environment, engine: Engine, error: BaseException
) -> None:
    before, heard = files(environment.prefix), Recorder()

    def fail() -> None:
        with change(environment, engine, heard) as prefix:
            damage(prefix)
            raise error

    with pytest.raises(type(error)):
        fail()
    assert files(environment.prefix) == before
    assert unfinished(environment.prefix) == ""
    assert not snapshot_of(environment.prefix).exists()
    assert any("every file compared" in note for note in heard.notes)


def test_what_cannot_be_restored_is_named_and_the_environment_stays_marked(
    environment: Environment, engine: Engine
) -> None:
    heard = Recorder()

    def fail() -> None:
        with change(environment, engine, heard) as prefix:
            damage(prefix)
            for kept in snapshot_of(prefix).rglob("*"):
                if kept.is_file() and kept.name != snapshot.INDEX:
                    kept.unlink()
            raise EnvtoolError("no such package")

    with pytest.raises(EnvtoolError, match="no such package") as caught:
        fail()
    assert "envtool rollback" in caught.value.hint
    assert unfinished(environment.prefix) == "envtool install -n dl six"
    assert snapshot_of(environment.prefix).is_dir()
    assert not any("every file compared" in note for note in heard.notes)


@pytest.mark.parametrize("moment", ["restore", "delete"])
def test_a_second_interruption_tells_the_state_that_is_there(
    environment: Environment, engine: Engine, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """While files are put back the environment is unfinished; once they are back and compared it is not."""

    def interrupted(_: Snapshot) -> list[str]:
        raise KeyboardInterrupt

    heard = Recorder()
    with monkeypatch.context() as patch:
        patch.setattr(Snapshot, moment, interrupted)
        with pytest.raises(KeyboardInterrupt), change(environment, engine, heard):
            raise KeyboardInterrupt
    is_marked = bool(unfinished(environment.prefix))
    assert is_marked is (moment == "restore")
    assert any("is unfinished" in text for text in heard.warnings) is is_marked


def test_the_ways_out_can_be_pasted(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = venv(home.path / "my envs" / "dl")
    write(prefix / SITE / "six.py", "old")
    environment = Environment("", prefix, "venv", "venv")
    heard, context = Recorder(), Context(home.host, Silent())
    monkeypatch.setattr(Snapshot, "restore", lambda _: ["bin/python"])
    choice = engine_selection.for_existing(context, environment)
    with (
        engine_selection.opened(context, choice, "envtool install") as engine,
        pytest.raises(EnvtoolError) as caught,
        change(environment, engine, heard),
    ):
        raise OSError(28, "No space left on device")
    assert f"envtool rollback '{prefix}'" in caught.value.hint


def test_an_unfinished_environment_is_not_changed(environment: Environment) -> None:
    mark_unfinished(environment.prefix, "envtool install -n dl scipy")
    with pytest.raises(EnvtoolError, match="install -n dl scipy") as caught, held(environment, "x", Silent()):
        pass
    assert "envtool resume dl" in caught.value.hint


def test_a_folder_that_is_no_environment_is_not_changed(tmp_path: Path) -> None:
    thesis = write(tmp_path / "work" / "thesis.tex")
    folder = Environment("", thesis.parent, "conda")
    with pytest.raises(EnvtoolError, match="not an environment"), held(folder, "x", Silent()):
        pass
    assert thesis.exists()


@pytest.mark.parametrize(("mark", "stays"), [(mark_unfinished, True), (lambda *_: None, False)])
def test_a_snapshot_is_deleted_only_where_nobody_needs_it(
    environment: Environment, mark: Callable[[Path, str], None], stays: bool
) -> None:
    prefix = environment.prefix
    snapshot.take(prefix, snapshot_of(prefix), PATHS)
    mark(prefix, "envtool install -n dl scipy")
    with holding(prefix, "install", Silent()):
        pass
    assert snapshot_of(prefix).exists() is stays
