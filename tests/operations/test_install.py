"""``envtool install``, ``uninstall`` and ``update``: what changes, what is refused, and that a failure changes nothing.

The venv engine stands for all: what differs between engines is in ``engines/test_conformance.py``.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from support import wheels
from support.home import Home
from support.layouts import write

from envtool.errors import EnvtoolError, ExitCode
from envtool.model import Environment, Package, Spec
from envtool.operations.create import CreateRequest, create
from envtool.operations.install import InstallRequest, install, plan
from envtool.operations.steps.confirmation import Proposal
from envtool.operations.steps.package_sources import SourceOptions
from envtool.operations.uninstall import UninstallRequest, uninstall
from envtool.prefix import state_file
from envtool.prefix.marks import OWN, mark_unfinished, unfinished

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _own_cache(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep uv, which is started from this process, out of the developer's cache."""
    monkeypatch.setenv("UV_CACHE_DIR", str(home.path / "uv"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of wheels: two versions of ``leaf``, which needs ``trunk``."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    wheels.wheel(folder, "trunk", "1.0", {"trunk.py": "height = 3\n"})
    for version in ("1.0", "2.0"):
        wheels.wheel(folder, "leaf", version, {"leaf.py": f"version = {version!r}\n"}, requires="trunk")
    return folder


@pytest.fixture
def sources(folder: Path) -> SourceOptions:
    return SourceOptions(find_links=(str(folder),), offline=True)


@pytest.fixture
def dl(home: Home, sources: SourceOptions) -> Environment:
    """A venv with the older leaf in it."""
    spec = Spec(pip=("leaf==1.0",))
    return create(home.context, CreateRequest("dl", spec, engine="venv", sources=sources, with_pip=False)).environment


def files(prefix: Path) -> dict[str, bytes]:
    paths = (path for path in prefix.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(prefix).as_posix(): path.read_bytes() for path in paths}


def names(packages: tuple[Package, ...]) -> list[str]:
    return [f"{package.name}=={package.version}" for package in packages]


def test_a_plan_is_what_then_happens_and_writes_nothing(home: Home, dl: Environment, sources: SourceOptions) -> None:
    before = files(dl.prefix)
    request = InstallRequest(dl, Spec(pip=("leaf==2.0",)), sources=sources)
    planned = plan(home.context, request)
    assert files(dl.prefix) == before
    changed = install(home.context, request)
    assert (names(changed.removed), names(changed.added)) == (["leaf==1.0"], ["leaf==2.0"])
    assert changed.as_dict() == {**planned.as_dict(), "dry_run": False}
    assert home.installed("dl") == {"leaf": "2.0", "trunk": "1.0"}


def test_what_is_there_already_is_left_alone(home: Home, dl: Environment, sources: SourceOptions) -> None:
    before = files(dl.prefix)
    changed = install(home.context, InstallRequest(dl, Spec(pip=("leaf",)), sources=sources))
    assert (changed.removed, changed.added) == ((), ())
    assert files(dl.prefix) == before


def test_an_upgrade_takes_the_newest(home: Home, dl: Environment, sources: SourceOptions) -> None:
    install(home.context, InstallRequest(dl, Spec(pip=("leaf",)), upgrade=True, sources=sources))
    assert home.installed("dl")["leaf"] == "2.0"


def test_a_package_that_is_nowhere_changes_nothing(home: Home, dl: Environment, sources: SourceOptions) -> None:
    before = files(dl.prefix)
    with pytest.raises(EnvtoolError, match="no-such-package"):
        install(home.context, InstallRequest(dl, Spec(pip=("leaf==2.0", "no-such-package")), sources=sources))
    assert files(dl.prefix) == before


def test_a_broken_wheel_changes_nothing(home: Home, dl: Environment, sources: SourceOptions, folder: Path) -> None:
    before = files(dl.prefix)

    def break_the_wheel(_: Proposal) -> bool:
        (folder / "leaf-2.0-py3-none-any.whl").write_bytes(b"PK\x03\x04 is no zip file")
        return True

    with pytest.raises(EnvtoolError):
        install(home.context, InstallRequest(dl, Spec(pip=("leaf==2.0",)), sources=sources), break_the_wheel)
    assert files(dl.prefix) == before
    assert unfinished(dl.prefix) == ""
    assert not (home.venvs / OWN).exists()


def test_a_refused_solution_changes_nothing(home: Home, dl: Environment, sources: SourceOptions) -> None:
    before = files(dl.prefix)
    with pytest.raises(EnvtoolError, match="nothing was changed") as caught:
        install(home.context, InstallRequest(dl, Spec(pip=("leaf==2.0",)), sources=sources), lambda _: False)
    assert caught.value.code == ExitCode.OK
    assert files(dl.prefix) == before


def test_uninstall_takes_the_named_package_and_leaves_the_others(home: Home, dl: Environment) -> None:
    changed = uninstall(home.context, UninstallRequest(dl, ("Leaf",)))
    assert (names(changed.removed), changed.added) == (["leaf==1.0"], ())
    assert home.installed("dl") == {"trunk": "1.0"}


def test_a_name_that_is_not_installed_changes_nothing(home: Home, dl: Environment) -> None:
    before = files(dl.prefix)
    with pytest.raises(EnvtoolError, match="no-such-package"):
        uninstall(home.context, UninstallRequest(dl, ("leaf", "no-such-package")))
    assert files(dl.prefix) == before


def test_a_frozen_environment_is_changed_only_on_request(home: Home, dl: Environment, sources: SourceOptions) -> None:
    write(dl.prefix / "conda-meta" / "frozen", '{"message": "shared by all"}')
    request = InstallRequest(dl, Spec(pip=("leaf==2.0",)), sources=sources)
    with pytest.raises(EnvtoolError, match="shared by all") as caught:
        plan(home.context, request)
    assert "--override-frozen" in caught.value.hint
    install(home.context, InstallRequest(dl, Spec(pip=("leaf==2.0",)), sources=sources, override_frozen=True))
    assert home.installed("dl")["leaf"] == "2.0"


@pytest.mark.parametrize("verb", [install, uninstall])
def test_an_unfinished_environment_is_not_changed(
    home: Home, dl: Environment, sources: SourceOptions, verb: Callable[..., object]
) -> None:
    mark_unfinished(dl.prefix, "envtool install -n dl scipy")
    requests = {
        install: InstallRequest(dl, Spec(pip=("leaf==2.0",)), sources=sources),
        uninstall: UninstallRequest(dl, ("leaf",)),
    }
    before = files(dl.prefix)
    with pytest.raises(EnvtoolError, match="interrupted"):
        verb(home.context, requests[verb])
    assert files(dl.prefix) == before


def test_variables_in_a_file_are_stored_in_an_existing_environment(home: Home, dl: Environment) -> None:
    spec = Spec(variables={"A": "1"})
    request = InstallRequest(dl, spec)
    install(home.context, request)
    assert state_file.stored(dl.prefix) == {"A": "1"}


@pytest.mark.parametrize(
    ("pins", "line"), [(b"not a spec !!\n", 1), (b"\xef\xbb\xbf# a\n\nleaf==1,,\xef\xbc\x9d\n", 3), (b"\xff\n", 1)]
)
def test_a_pin_that_is_no_spec_is_named_before_anything_is_changed(
    home: Home, dl: Environment, sources: SourceOptions, pins: bytes, line: int
) -> None:
    path = dl.prefix / "conda-meta" / "pinned"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(pins)
    before = files(dl.prefix)
    with pytest.raises(EnvtoolError) as caught:
        install(home.context, InstallRequest(dl, Spec(pip=("leaf==2.0",)), sources=sources))
    assert caught.value.code == ExitCode.BAD_INPUT
    assert caught.value.message.startswith(f"{path}, line {line}: ")
    assert files(dl.prefix) == before
