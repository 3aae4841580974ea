"""``envtool update``."""

from pathlib import Path

import pytest
from support.home import Home
from support.wheels import wheel

from envtool.errors import EnvtoolError
from envtool.model import Environment, Spec
from envtool.operations.install import InstallRequest, install
from envtool.operations.update import UpdateRequest, plan, update

pytestmark = pytest.mark.slow


def test_a_plan_is_what_would_be_updated_and_updates_nothing(account: Home, demo: Environment) -> None:
    planned = plan(account.context, UpdateRequest(demo))
    assert [(p.name, p.version) for p in planned.added] == [("alpha", "2.0")]
    assert account.installed("demo")["alpha"] == "1.0"
    assert update(account.context, UpdateRequest(demo)).as_dict() == {**planned.as_dict(), "dry_run": False}
    assert account.installed("demo")["alpha"] == "2.0"


def test_only_what_is_named_is_updated(account: Home, demo: Environment, wheel_folder: Path) -> None:
    install(account.context, InstallRequest(demo, Spec(pip=("beta==1.0",))))
    update(account.context, UpdateRequest(demo, ("beta",)))
    assert account.installed("demo") == {"alpha": "1.0", "beta": "2.0", "pip": "2.0"}


def test_what_came_from_a_file_stays(account: Home, demo: Environment, tmp_path: Path, wheel_folder: Path) -> None:
    own = wheel(tmp_path, "beta", "1.5", {"beta.py": ""})
    install(account.context, InstallRequest(demo, Spec(pip=(f"beta @ {own.as_uri()}",))))
    update(account.context, UpdateRequest(demo))
    assert account.installed("demo") == {"alpha": "2.0", "beta": "1.5", "pip": "2.0"}


def test_what_is_not_installed_is_an_error(account: Home, demo: Environment) -> None:
    with pytest.raises(EnvtoolError, match="Not installed in demo: beta"):
        update(account.context, UpdateRequest(demo, ("beta",)))
