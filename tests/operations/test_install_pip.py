"""The pip half of ``envtool install``: foretold against the environment as it is, and by pip where uv cannot."""

import ensurepip
import json
import shutil
from pathlib import Path

import pytest
from support import environments, wheels
from support.home import Home
from support.projects import project
from support.reporter import Recorder

from envtool.errors import EnvtoolError, ExitCode
from envtool.model import Environment, Package, Spec
from envtool.operations.context import Context
from envtool.operations.create import CreateRequest, create
from envtool.operations.install import InstallRequest, install, plan
from envtool.operations.steps import pip_packages
from envtool.operations.steps.confirmation import Proposal, needs_confirmation
from envtool.operations.steps.package_sources import SourceOptions
from envtool.operations.steps.requested import requested
from envtool.operations.update import UpdateRequest
from envtool.operations.update import plan as plan_update

pytestmark = pytest.mark.slow


@pytest.fixture
def sources(wheel_folder: Path) -> SourceOptions:
    """Where ``gamma`` needs the newer alpha, and ``delta`` the older beta."""
    wheels.wheel(wheel_folder, "gamma", "1.0", requires="alpha>=2")
    wheels.wheel(wheel_folder, "delta", "1.0", requires="beta<2")
    return SourceOptions(find_links=(str(wheel_folder),), offline=True)


@pytest.fixture(autouse=True)
def _own_cache(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(home.path / "uv"))


@pytest.fixture
def real(account: Home, wheel_folder: Path) -> Environment:
    """A venv with a real pip and the older alpha."""
    (bundled,) = (Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl")
    for fake in wheel_folder.glob("pip-*.whl"):
        fake.unlink()
    shutil.copy(bundled, wheel_folder)
    create(account.context, CreateRequest("real", Spec(pip=("alpha==1.0",)), engine="venv"))
    return environments.resolve(account.host, "real")


def shown(proposal: Proposal) -> tuple[set[str], set[str]]:
    """Return the packages that go, and those that come."""
    removed = {f"{package.name}=={package.version}" for package in proposal.removed}
    return removed, {f"{package.name}=={package.version}" for package in proposal.added}


@pytest.mark.parametrize(
    ("lines", "removed", "added"),
    [
        (("gamma",), {"alpha==1.0"}, {"alpha==2.0", "gamma==1.0"}),
        (("alpha==2.0",), {"alpha==1.0"}, {"alpha==2.0"}),
        (("alpha",), set(), set()),
        (("delta",), {"beta==2.0"}, {"beta==1.0", "delta==1.0"}),
        (("alpha>=2", "beta<2"), {"alpha==1.0", "beta==2.0"}, {"alpha==2.0", "beta==1.0"}),
    ],
)
def test_what_moves_is_foretold_asked_about_and_done(
    account: Home, demo: Environment, sources: SourceOptions, lines: tuple[str, ...], removed: set[str], added: set[str]
) -> None:
    context = account.context
    install(context, InstallRequest(demo, Spec(pip=("beta==2.0",)), sources=sources))
    request = InstallRequest(demo, Spec(pip=lines), sources=sources)
    planned = plan(context, request)
    assert shown(Proposal(planned.added, planned.removed)) == (removed, added)
    seen: list[Proposal] = []

    def confirm(proposal: Proposal) -> bool:
        seen.append(proposal)
        return True

    changed = install(context, request, confirm)
    assert shown(seen[0]) == (removed, added)
    assert needs_confirmation(seen[0]) == bool(removed)
    assert shown(Proposal(changed.added, changed.removed)) == (removed, added)


def test_an_update_is_foretold(account: Home, demo: Environment, sources: SourceOptions) -> None:
    planned = plan_update(account.context, UpdateRequest(demo, names=("alpha",), sources=sources))
    assert shown(Proposal(planned.added, planned.removed)) == ({"alpha==1.0"}, {"alpha==2.0"})


def test_a_dry_run_writes_nothing(account: Home, real: Environment, sources: SourceOptions, tmp_path: Path) -> None:
    own = project(tmp_path / "own")
    before = {path: path.stat().st_mtime_ns for path in real.prefix.rglob("*") if "__pycache__" not in path.parts}
    for line in ("gamma", f"-e git+{own.as_uri()}#egg=own", "--pre"):
        plan(account.context, InstallRequest(real, Spec(pip=(line, "gamma")), sources=sources))
    now = {path: path.stat().st_mtime_ns for path in real.prefix.rglob("*") if "__pycache__" not in path.parts}
    assert now == before


def test_a_repository_is_installed_in_editable_mode_below_the_environment(
    account: Home, real: Environment, sources: SourceOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, elsewhere = project(tmp_path / "own"), tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    Path("environment.yml").write_text(f'dependencies:\n  - pip:\n    - "--editable=git+{own.as_uri()}#egg=own"\n')
    heard = Recorder()
    spec = requested(Spec(), ["environment.yml"], heard)
    install(Context(account.host, heard), InstallRequest(real, spec, sources=sources))
    assert [note for note in heard.notes if "environment.yml, line 3" in note and "-e git+" in note]
    checkout = real.prefix / "src" / "own"
    assert (checkout / "own.py").exists()
    assert [path.name for path in elsewhere.iterdir()] == ["environment.yml"]

    (checkout / "own.py").write_text("x = 'mine'\n")
    with pytest.raises(EnvtoolError) as caught:
        install(account.context, InstallRequest(real, spec, sources=sources))
    assert str(checkout) in caught.value.message
    assert (checkout / "own.py").read_text() == "x = 'mine'\n"


def test_config_settings_reach_the_build_through_pip(
    account: Home, real: Environment, sources: SourceOptions, tmp_path: Path
) -> None:
    spec = Spec(pip=(f'{project(tmp_path / "own")} --config-settings="key=value"',))
    install(account.context, InstallRequest(real, spec, sources=sources))
    (metadata,) = real.prefix.rglob("own-0.3.dist-info/METADATA")
    assert "Keywords: key=value" in metadata.read_text()
    created = create(account.context, CreateRequest("new", spec, engine="venv", sources=sources))
    (metadata,) = created.environment.prefix.rglob("own-0.3.dist-info/METADATA")
    assert "Keywords: key=value" in metadata.read_text()


@pytest.mark.parametrize(
    ("option", "pip", "refused"),
    [
        ("--install-option", "26.3", True),
        ("--install-option", "23.1", True),
        ("--install-option", "23.0.1", False),
        ("--global-option", "25.3", True),
        ("--global-option", "25.2", False),
        ("--global-option", "", True),
        ("--config-settings", "26.3", False),
    ],
)
def test_an_option_that_pip_has_no_longer_is_named_with_its_successor(
    tmp_path: Path, option: str, pip: str, refused: bool
) -> None:
    file = tmp_path / "old.txt"
    file.write_text(f'alpha\nbeta {option}="--no-deps"\n')
    half = pip_packages.half(requested(Spec(), [str(file)], Recorder()))
    there = [Package("pip", pip, "conda")] if pip else []
    if not refused:
        pip_packages.refuse_removed_options(half, there)
        return
    with pytest.raises(EnvtoolError) as caught:
        pip_packages.refuse_removed_options(half, there)
    assert caught.value.code == ExitCode.BAD_INPUT
    assert caught.value.message.startswith("old.txt, line 2: ")
    assert option in caught.value.message
    assert "--config-settings" in caught.value.hint


def test_such_an_option_is_refused_before_anything_is_created(account: Home, sources: SourceOptions) -> None:
    spec = Spec(pip=("alpha --install-option=x",))
    with pytest.raises(EnvtoolError, match="--install-option") as caught:
        create(account.context, CreateRequest("new", spec, engine="venv", sources=sources))
    assert caught.value.code == ExitCode.BAD_INPUT


NOT_TO_BE_HAD = {
    "alpha==99": "alpha==99",
    "nowhere-at-all": "nowhere-at-all",
    "-e ./nowhere": "/nowhere",
    "./nowhere-1.0-py3-none-any.whl": "nowhere-1.0",
    "-e git+file:///nowhere/at/all#egg=x": "/nowhere/at/all",
    "x @ git+file:///nowhere/at/all": "/nowhere/at/all",
    "x @ http://127.0.0.1:9/x-1.0-py3-none-any.whl": "127.0.0.1:9",
    "-r http://127.0.0.1:9/more.txt": "127.0.0.1:9",
    "-c nowhere.txt": "nowhere.txt",
    "-r nowhere.txt": "nowhere.txt",
}


@pytest.mark.parametrize("way", ["install", "create"])
def test_what_cannot_be_had_is_named_with_the_line_that_asks_for_it(
    account: Home, real: Environment, sources: SourceOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    file = tmp_path / "mine.txt"
    for line, word in NOT_TO_BE_HAD.items():
        file.write_text(f"beta\n\n{line}\n")
        with pytest.raises(EnvtoolError) as caught:  # noqa: PT012 - reading a file is a part of both ways
            spec = requested(Spec(), [str(file)], Recorder())
            if way == "install":
                install(account.context, InstallRequest(real, spec, sources=sources))
            else:
                create(account.context, CreateRequest("new", spec, engine="venv", sources=sources))
        error = caught.value
        assert word in error.message
        assert "mine.txt, line 3" in error.message
        assert "/envtool-" not in error.message
        assert (error.code == ExitCode.NETWORK) == ("127.0.0.1" in line)
    ran = account.envtool(way, *(("-n", "real", "-r") if way == "install" else ("new", "-f")), str(file), "--json")
    assert json.loads(ran.out)["exit_code"] == ran.code == ExitCode.BAD_INPUT
