"""Fixtures that serve the local channel."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.channel import packages, recipe, server


@pytest.fixture(scope="session")
def channel_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The channel's files, under a mirror's layout. ENVTOOL_TEST_CACHE keeps them from run to run."""
    if reason := packages.why_python_cannot_be_packed():
        pytest.skip(reason)
    return recipe.built(tmp_path_factory.mktemp("channel"))


@pytest.fixture
def channel_server(channel_folder: Path) -> Iterator[server.Server]:
    """The channel, served over HTTP."""
    with server.serve(channel_folder) as running:
        yield running


@pytest.fixture
def channel(channel_server: server.Server) -> str:
    """The channel's address."""
    return f"{channel_server.url}/{recipe.CHANNEL}"
