"""``envtool mirror set`` without a name: a list to choose from on a terminal, a usage error elsewhere."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support.home import Home
from support.mirror_site import serve, tree
from support.terminal import Terminal

DOWN, ENTER, CTRL_C = b"\x1b[B", b"\r", b"\x03"


@pytest.fixture
def two_mirrors(home: Home) -> Iterator[Home]:
    """An account with two mirrors of its own that answer, one of them slowly; the public ones do not."""
    pages = tree(projects={"pip": "26.1"})
    with serve(pages) as quick, serve(pages, slow=0.1) as slow:
        for name, site in (("quick", quick), ("slow", slow)):
            assert home.envtool("mirror", "add", name, "--pypi", f"{site.url}/pypi/simple").code == 0
        yield home


@contextmanager
def choosing(home: Home) -> Iterator[Terminal]:
    """Run the command up to where it waits for a choice."""
    running = Terminal(home, ("mirror", "set", "--target", "pip", "--allow-http"), {"TERM": "xterm"})
    try:
        running.until("Switch to:")
        running.until("slow ")
        yield running
    finally:
        running.close()


@pytest.mark.slow
@pytest.mark.parametrize(("keys", "mirror"), [(ENTER, "quick"), (DOWN + ENTER, "slow"), (DOWN + DOWN + ENTER, "quick")])
def test_the_arrow_keys_choose_among_mirrors_that_work(two_mirrors: Home, keys: bytes, mirror: str) -> None:
    with choosing(two_mirrors) as running:
        os.write(running._end, keys)
        said = running.rest()
        assert running.end() == 0, said
    (pip,) = [view for view in two_mirrors.envtool("mirror", "show", "--json").data if view["client"] == "pip"]
    assert [line["site"] for line in pip["lines"] if line["key"].endswith("index-url")] == [mirror]


@pytest.mark.slow
def test_ctrl_c_in_the_list_changes_nothing(two_mirrors: Home) -> None:
    with choosing(two_mirrors) as running:
        os.write(running._end, CTRL_C)
        assert "Interrupted." in running.rest()
        assert running.end() == 130
    assert not (two_mirrors.path / ".config" / "pip" / "pip.conf").exists()


def test_without_a_terminal_it_is_a_usage_error(home: Home) -> None:
    done = home.envtool("mirror", "set")
    assert (done.code, done.out) == (2, "")
    assert "mirror set auto" in done.err
