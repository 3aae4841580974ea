"""A home with a furnished environment, made once for each file of tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import condas
from support.channel import server
from support.channel.recipe import CHANNEL, PYTHON
from support.furnished import furnish
from support.home import Home


@pytest.fixture(scope="module")
def served(channel_folder: Path) -> Iterator[str]:
    """The channel's address, one for a whole module, because its environments are made once."""
    with server.serve(channel_folder) as running:
        yield f"{running.url}/{CHANNEL}"


@pytest.fixture(scope="module", params=["embedded", *condas.FAMILY])
def home(request: pytest.FixtureRequest, served: str, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with the furnished environment ``source``; tests clone it and do not change it."""
    account = Home.at(tmp_path_factory.mktemp("account") / "home")
    engine = "embedded" if request.param == "embedded" else "conda"
    if engine == "conda":
        condas.set_up(account.environ, request.param, account.path)
    made = account.envtool(
        "create", "source", f"python={PYTHON}", "numpy", "six=1.16", "trunk", "-c", served, "--engine", engine
    )
    assert made.code == 0, made.err
    furnish(account, account.conda_envs / "source")
    return account
