"""``envtool uninstall``."""

import pytest
from support.home import Home

from envtool.errors import EnvtoolError, ExitCode
from envtool.model import Environment
from envtool.operations.uninstall import UninstallRequest, plan, uninstall

pytestmark = pytest.mark.slow


def test_a_plan_is_what_would_go_and_removes_nothing(account: Home, demo: Environment) -> None:
    request = UninstallRequest(demo, ("alpha",))
    planned = plan(account.context, request)
    assert [(p.name, p.version) for p in planned.removed] == [("alpha", "1.0")]
    assert planned.added == ()
    assert (demo.prefix / "bin").exists()
    assert "alpha" in account.installed("demo")
    assert uninstall(account.context, request).as_dict() == {**planned.as_dict(), "dry_run": False}
    assert account.installed("demo") == {"pip": "2.0"}


def test_names_are_those_of_the_index_however_they_are_written(account: Home, demo: Environment) -> None:
    uninstall(account.context, UninstallRequest(demo, ("Alpha",)))
    assert account.installed("demo") == {"pip": "2.0"}


@pytest.mark.parametrize(("name", "hint"), [("alhpa", "alpha"), ("nothing-like-it", "envtool list demo")])
def test_what_is_not_installed_is_an_error_and_the_rest_stays(
    account: Home, demo: Environment, name: str, hint: str
) -> None:
    for attempt in (plan, uninstall):
        with pytest.raises(EnvtoolError, match=f"Not installed in demo: {name}") as raised:
            attempt(account.context, UninstallRequest(demo, (name, "pip")))
        assert hint in raised.value.hint
    assert account.installed("demo") == {"alpha": "1.0", "pip": "2.0"}


def test_who_says_no_has_nothing_removed(account: Home, demo: Environment) -> None:
    with pytest.raises(EnvtoolError, match="Cancelled: nothing was changed") as raised:
        uninstall(account.context, UninstallRequest(demo, ("alpha",)), lambda _: False)
    assert raised.value.code == ExitCode.OK
    assert "alpha" in account.installed("demo")
