"""``envtool mirror list``: addresses to copy, in lines that fit a terminal."""

from pathlib import Path

import pytest
import yaml
from support.home import Home

CATALOGUE = yaml.safe_load((Path(__file__).parents[2] / "mirrors.yaml").read_text(encoding="utf-8"))["mirrors"]


def blocks(text: str) -> dict[str, list[str]]:
    """Return the lines of each mirror by its name."""
    return {block.split()[0]: block.splitlines() for block in text.split("\n\n")}


def test_every_address_stands_alone_in_a_line_that_fits(home: Home) -> None:
    listed = blocks(home.envtool("mirror", "list", "--all").out)
    assert set(listed) == set(CATALOGUE)
    for name, lines in listed.items():
        words = [line.split() for line in lines[1:]]
        for label, part, key in (("pip", "pypi", "index"), ("conda", "conda", "base")):
            found = [line[1] for line in words if line[0] == label]
            assert found == ([CATALOGUE[name][part][key]] if part in CATALOGUE[name] else []), name
        assert all(len(line) < 80 for line in lines if "://" not in line), name
    assert "douban" not in blocks(home.envtool("mirror", "list").out)


def test_a_named_mirror_is_shown_in_full(home: Home) -> None:
    lines = home.envtool("mirror", "list", "tuna").out
    known = CATALOGUE["tsinghua"]
    for text in (*known["pypi"]["also"], *known["conda"]["also"], *known["installers"].values(), "pytorch-lts"):
        assert text in lines
    retired = home.envtool("mirror", "list", "douban").out
    assert f"use {CATALOGUE['douban']['replacement']} instead" in retired


@pytest.mark.parametrize("name", ["tsingua", "xq"])
def test_an_unknown_name_is_refused(home: Home, name: str) -> None:
    done = home.envtool("mirror", "list", name)
    assert (done.code, done.out) == (2, "")
    assert ("Did you mean tsinghua" in done.err) == (name == "tsingua")
