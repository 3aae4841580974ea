"""Options and fixtures of all tests. Every test runs in its own home; none touches the developer's configuration."""

import os
import signal
from pathlib import Path

import pytest
from support.home import Home

# What is started in the background may have Ctrl-C ignored, and all that is started here would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also run the tests that take minutes")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if config.getoption("--long"):
            item.add_marker(pytest.mark.timeout(4 * 3600))
        elif item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="takes minutes: run with --long"))
        if item.get_closest_marker("corpus") and "ENVTOOL_TEST_CORPUS" not in os.environ:
            item.add_marker(pytest.mark.skip(reason="set ENVTOOL_TEST_CORPUS to a folder of real configuration files"))


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
