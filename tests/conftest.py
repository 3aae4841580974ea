"""Options and fixtures of all tests. Every test runs in its own home; none touches the developer's configuration."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings
from support.home import Home

# A process started in the background may ignore Ctrl-C, and its children would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


# How many examples a property is tried on: few in every run, many with --long. No deadline: this may be a busy machine.
settings.register_profile("usual", max_examples=25, deadline=None)
settings.register_profile("long", max_examples=500, deadline=None)

# What makes a test slow: it builds environments from the local channel, installs with pip, or drives a program that
# takes its time.
SLOW_FIXTURES = {"channel_folder", "pip_index", "torch_python"}
SLOW_MARKS = {"conda", "corpus", "long", "slow", "torch"}
ENGINES = Path(__file__).parent / "engines"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also run the tests that take minutes, and properties deeply")
    parser.addoption("--fast", action="store_true", help="only run the tests that take less than half a second each")


def pytest_configure(config: pytest.Config) -> None:
    if not config.getoption("--hypothesis-profile"):
        settings.load_profile("long" if config.getoption("--long") else "usual")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if _is_slow(item):
            item.add_marker(pytest.mark.slow)
        if config.getoption("--long"):
            item.add_marker(pytest.mark.timeout(4 * 3600))
        elif item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="takes minutes: run with --long"))
        if item.get_closest_marker("corpus") and "ENVTOOL_TEST_CORPUS" not in os.environ:
            item.add_marker(pytest.mark.skip(reason="set ENVTOOL_TEST_CORPUS to a folder of real configuration files"))
    if config.getoption("--fast"):
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("slow")])
        items[:] = [item for item in items if not item.get_closest_marker("slow")]


def _is_slow(item: pytest.Item) -> bool:
    fixtures = set(getattr(item, "fixturenames", ()))
    changes_environments = ENGINES in item.path.parents and "home" in fixtures
    return changes_environments or bool(SLOW_FIXTURES & fixtures) or any(map(item.get_closest_marker, SLOW_MARKS))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A clean account: HOME is empty, no environment is active, nothing is configured."""
    return Home.at(tmp_path / "home")


@pytest.fixture(scope="session")
def torch_python() -> Path:
    """An interpreter with torch, outside this one."""
    path = os.environ.get("ENVTOOL_TEST_TORCH_PYTHON", "")
    if not path:
        pytest.skip(
            "set ENVTOOL_TEST_TORCH_PYTHON to a Python that has torch, numpy, pandas, OpenCV and matplotlib "
            "(envtool bootstrap dl makes one)"
        )
    return Path(path)
