"""Pinned specs, as conda reads the file."""

from pathlib import Path

import pytest
from support.layouts import conda_env, write

from envtool.prefix import pinned


@pytest.mark.parametrize(
    ("text", "specs"),
    [
        ("numpy <2\npython 3.11.*\n", ("numpy <2", "python 3.11.*")),
        ("# head\n\n  six 1.16.*  # held for the cluster\n", ("six 1.16.*",)),
        ("six 1.16.*#held\n   # indented\n", ("six 1.16.*",)),
        ("\ufeffnumpy <2\r\nconda-forge::zlib\r\n", ("numpy <2", "conda-forge::zlib")),
        ("", ()),
    ],
)
def test_specs_without_comments(tmp_path: Path, text: str, specs: tuple[str, ...]) -> None:
    prefix = conda_env(tmp_path)
    write(prefix / "conda-meta" / "pinned", text)
    assert pinned.specs(prefix) == specs


def test_a_comment_in_another_encoding_is_no_obstacle(tmp_path: Path) -> None:
    prefix = conda_env(tmp_path)
    (prefix / "conda-meta" / "pinned").write_bytes(b"# \xbb\xb7\xbe\xb3\nnumpy <2 # \xbb\n")
    assert pinned.specs(prefix) == ("numpy <2",)


def test_nothing_is_pinned_without_the_file_and_nothing_is_known_without_a_readable_one(tmp_path: Path) -> None:
    prefix = conda_env(tmp_path)
    assert pinned.specs(prefix) == ()
    (prefix / "conda-meta" / "pinned").mkdir()
    with pytest.raises(IsADirectoryError):
        pinned.specs(prefix)
