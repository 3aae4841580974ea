"""``envtool create``: a plan that writes nothing, and an environment that is complete or not there at all.

The venv engine stands for all: what differs between engines is in ``engines/test_conformance.py``.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support import layouts, wheels
from support.home import Home
from support.reporter import Recorder

from envtool.engines.protocol import EngineType, LinkScripts, Solution, SolveRequest
from envtool.errors import EnvtoolError, ExitCode
from envtool.model import Sources, Spec
from envtool.operations.context import Context
from envtool.operations.create import CreateRequest, Means, create, plan
from envtool.operations.steps.confirmation import Proposal
from envtool.operations.steps.engine_selection import EngineChoice
from envtool.operations.steps.package_sources import SourceOptions
from envtool.prefix import state_file
from envtool.prefix.marks import OWN, made_by
from envtool.prefix.snapshot import Footprint
from envtool.reporter import Reporter

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _own_cache(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep uv, which is started from this process, out of the developer's cache."""
    monkeypatch.setenv("UV_CACHE_DIR", str(home.path / "uv"))


@pytest.fixture
def sources(tmp_path: Path) -> SourceOptions:
    """A folder of wheels, and nothing else: ``leaf`` needs ``trunk``, ``orphan`` needs what is nowhere."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    wheels.wheel(folder, "trunk", "1.0", {"trunk.py": "height = 3\n"})
    wheels.wheel(folder, "leaf", "1.0", {"leaf.py": "import trunk\n"}, requires="trunk")
    wheels.wheel(folder, "orphan", "1.0", requires="no-such-package")
    return SourceOptions(find_links=(str(folder),), offline=True)


@pytest.fixture
def request_for(sources: SourceOptions) -> Callable[..., CreateRequest]:
    def request_for(*pip: str, **variables: str) -> CreateRequest:
        spec = Spec(pip=pip, variables=variables)
        return CreateRequest("dl", spec, engine="venv", sources=sources, with_pip=False)

    return request_for


def everything(home: Home) -> list[str]:
    """Return what lies in the folder of environments, envtool's own included."""
    return sorted(path.name for path in home.venvs.iterdir()) if home.venvs.exists() else []


def test_a_plan_writes_nothing_and_is_what_is_created(home: Home, request_for: Callable[..., CreateRequest]) -> None:
    planned = plan(home.context, request_for("leaf"))
    assert (planned.dry_run, planned.pip) == (True, ("leaf==1.0", "trunk==1.0"))
    assert everything(home) == []
    created = create(home.context, request_for("leaf"))
    assert created.as_dict() == {**planned.as_dict(), "dry_run": False}
    assert home.installed("dl") == {"leaf": "1.0", "trunk": "1.0"}
    assert everything(home) == ["dl"]


def test_the_engine_is_recorded_and_the_mark_goes(home: Home, request_for: Callable[..., CreateRequest]) -> None:
    created = create(home.context, request_for())
    assert made_by(created.environment.prefix) == "venv"
    (listed,) = home.envtool("list", "--json").data["environments"]
    assert (listed["name"], listed["engine"], listed["unfinished"]) == ("dl", "venv", False)
    assert not (home.venvs / OWN).exists()


def test_variables_of_the_spec_are_stored(home: Home, request_for: Callable[..., CreateRequest]) -> None:
    created = create(home.context, request_for(OMP_NUM_THREADS="4"))
    assert state_file.stored(created.environment.prefix) == {"OMP_NUM_THREADS": "4"}
    assert home.envtool("run", "-n", "dl", "--", "sh", "-c", "echo $OMP_NUM_THREADS").out == "4\n"


def test_bytecode_is_written_on_request(home: Home, request_for: Callable[..., CreateRequest]) -> None:
    created = create(home.context, replace(request_for("leaf"), compile_bytecode=True))
    assert list(created.environment.prefix.rglob("__pycache__/leaf.*.pyc"))


def test_a_refused_solution_leaves_nothing(home: Home, request_for: Callable[..., CreateRequest]) -> None:
    seen: list[Proposal] = []

    def refuse(proposal: Proposal) -> bool:
        seen.append(proposal)
        return False

    with pytest.raises(EnvtoolError, match="nothing was created") as caught:
        create(home.context, request_for("leaf"), refuse)
    assert caught.value.code == ExitCode.OK
    assert [package.name for package in seen[0].added] == ["python", "leaf", "trunk"]
    assert everything(home) == []


def test_what_cannot_be_resolved_is_known_before_the_first_write(
    home: Home, request_for: Callable[..., CreateRequest]
) -> None:
    heard = Recorder()
    with pytest.raises(EnvtoolError, match="no-such-package"):
        create(Context(home.host, heard), request_for("orphan"))
    assert everything(home) == []
    assert not any("Removed" in note for note in heard.notes)  # there was nothing to remove


def test_a_failure_after_the_first_write_removes_all_of_it(
    home: Home, sources: SourceOptions, request_for: Callable[..., CreateRequest]
) -> None:
    folder = Path(sources.find_links[0])

    def break_the_wheel(_: Proposal) -> bool:
        (folder / "trunk-1.0-py3-none-any.whl").write_bytes(b"PK\x03\x04 is no zip file")
        return True

    heard = Recorder()
    with pytest.raises(EnvtoolError, match="trunk"):
        create(Context(home.host, heard), request_for("leaf"), break_the_wheel)
    assert everything(home) == []
    assert [note for note in heard.notes if "Removed" in note and "dl" in note]


def test_an_existing_environment_is_refused_and_stays(home: Home, request_for: Callable[..., CreateRequest]) -> None:
    create(home.context, request_for("trunk"))
    for verb in (plan, create):
        with pytest.raises(EnvtoolError, match="already exists"):
            verb(home.context, request_for("leaf"))
    assert home.installed("dl") == {"trunk": "1.0"}


def test_a_path_needs_no_name(home: Home, request_for: Callable[..., CreateRequest]) -> None:
    created = create(home.context, replace(request_for(), where=home.path / "project" / ".venv"))
    assert (created.environment.name, created.environment.prefix) == ("", home.path / "project" / ".venv")
    with pytest.raises(EnvtoolError) as caught:
        plan(home.context, replace(request_for(), where=""))
    assert caught.value.code == ExitCode.USAGE


def test_an_unknown_engine_is_refused(home: Home, request_for: Callable[..., CreateRequest]) -> None:
    with pytest.raises(EnvtoolError, match="no-such-engine") as caught:
        plan(home.context, replace(request_for(), engine="no-such-engine"))
    assert caught.value.code == ExitCode.USAGE
    assert "embedded" in caught.value.hint


class Writer:
    """An engine with a process of its own, as the embedded one has: it goes on writing until it is closed."""

    def __init__(self) -> None:
        self._closed = threading.Event()
        self._thread = threading.Thread()

    @property
    def runs_scripts(self) -> bool:
        return True

    def link_scripts(self, solution: Solution, prefix: Path | None) -> LinkScripts:
        return LinkScripts()

    def prepare(self) -> None:
        pass

    def solve(self, request: SolveRequest, prefix: Path | None, sources: Sources, reporter: Reporter) -> Solution:
        return Solution(request)

    def create(self, solution: Solution, prefix: Path, scratch: Path, reporter: Reporter) -> None:
        def write() -> None:
            number = 0
            while not self._closed.is_set():
                number += 1
                layouts.write(scratch / "stage" / f"folder{number % 9}" / f"file{number}")

        self._thread = threading.Thread(target=write)
        self._thread.start()
        while not (scratch / "stage" / "folder8").exists():
            time.sleep(0.001)
        raise KeyboardInterrupt

    def fetch(self, solution: Solution, prefix: Path, scratch: Path, reporter: Reporter) -> None:
        raise NotImplementedError

    def footprint(self, solution: Solution, prefix: Path) -> Footprint:
        raise NotImplementedError

    def change(self, solution: Solution, prefix: Path, scratch: Path, reporter: Reporter) -> None:
        raise NotImplementedError

    def unregister(self, prefix: Path, reporter: Reporter) -> None:
        pass

    def close(self) -> None:
        self._closed.set()
        self._thread.join()


def test_an_engine_has_stopped_before_what_it_writes_is_removed(home: Home) -> None:
    engine = Writer()
    kind = EngineType("writer", "conda", True, lambda _: engine, lambda _: None, lambda _: "")
    means = Means(EngineChoice(kind, "Engine: writer."), Sources())
    with pytest.raises(KeyboardInterrupt):
        create(home.context, CreateRequest("dl", Spec(conda=("leaf",)), with_pip=False), means=means)
    assert [*home.conda_envs.iterdir()] == []
