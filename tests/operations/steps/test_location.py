"""Where a new environment goes, and whether that place is free: one answer for create, clone, rename and bootstrap."""

from pathlib import Path

import pytest
from support.home import Home

from envtool.errors import EnvtoolError, ExitCode
from envtool.operations.steps.location import (
    Destination,
    destination,
    first_writable,
    name_of,
    place,
    refuse_existing,
    refuse_taken,
)
from envtool.prefix.marks import mark_begun


def environment(prefix: Path) -> Path:
    """Make the smallest thing that is a conda environment."""
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "conda-meta" / "history").touch()
    return prefix


def venv(prefix: Path) -> Path:
    prefix.mkdir(parents=True)
    (prefix / "pyvenv.cfg").touch()
    return prefix


@pytest.mark.parametrize(
    ("text", "expected"), [("dl", "dl"), ("./dl", Path("dl")), ("a/b", Path("a/b")), ("~/x", Path("~/x")), ("", "")]
)
def test_a_word_is_a_name_or_a_path(text: str, expected: Destination) -> None:
    assert destination(text) == expected
    assert name_of(destination(text)) == (expected if isinstance(expected, str) else "")


def test_a_name_goes_into_the_folder_for_its_kind_or_beside_another(home: Home, tmp_path: Path) -> None:
    assert place(home.context, "dl", "conda") == home.path / ".conda" / "envs" / "dl"
    assert place(home.context, "dl", "venv") == home.host.data_dir / "envs" / "dl"
    assert place(home.context, "dl", "venv", beside=tmp_path) == tmp_path / "dl"
    assert place(home.context, tmp_path / "dl", "conda") == tmp_path / "dl"


@pytest.mark.parametrize("kind", ["conda", "venv"])
def test_a_name_is_taken_whichever_kind_has_it(home: Home, kind: str) -> None:
    if kind == "conda":
        environment(home.path / ".conda" / "envs" / "dl")
    else:
        venv(home.host.data_dir / "envs" / "dl")
    with pytest.raises(EnvtoolError, match="already exists"):
        refuse_taken(home.context, "dl")
    with pytest.raises(EnvtoolError, match="already exists"):
        place(home.context, "dl", "conda")


def test_what_a_killed_create_left_is_free_by_name_and_by_path(home: Home, tmp_path: Path) -> None:
    by_name, by_path = home.path / ".conda" / "envs" / "dl", tmp_path / "dl"
    for prefix in (by_name, by_path):
        environment(prefix)
        mark_begun(prefix, "envtool create")
    refuse_taken(home.context, "dl")
    assert place(home.context, "dl", "conda") == by_name
    refuse_taken(home.context, by_path)
    assert place(home.context, by_path, "conda") == by_path


def test_a_folder_of_the_users_own_is_never_a_place(home: Home, tmp_path: Path) -> None:
    (home.path / ".conda" / "envs" / "dl").mkdir(parents=True)
    with pytest.raises(EnvtoolError, match="is not an environment"):
        place(home.context, "dl", "conda")
    with pytest.raises(EnvtoolError, match="is not an environment"):
        refuse_taken(home.context, tmp_path)


def test_a_place_inside_another_environment_is_refused(home: Home, tmp_path: Path) -> None:
    environment(tmp_path / "outer")
    with pytest.raises(EnvtoolError, match="lies inside") as refused:
        refuse_taken(home.context, tmp_path / "outer" / "envs" / "inner")
    assert refused.value.code == ExitCode.USAGE


def test_a_folder_that_cannot_be_made_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert first_writable([tmp_path / "file" / "envs", tmp_path / "envs"]) == tmp_path / "envs"
    with pytest.raises(EnvtoolError, match="file"):
        first_writable([tmp_path / "file" / "envs"])


def test_even_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dl").mkdir()
    with pytest.raises(EnvtoolError, match="already exists"):
        refuse_existing(tmp_path / "dl", "dl")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(EnvtoolError, match="already exists"):
        refuse_existing(tmp_path / "link", "link")


@pytest.mark.parametrize("path", ["/x/a:b", "/x/a\nb", "/x/a\rb", "/x/a\x1b[31mb", "/x:y/dl", "/x/a\tb"])
def test_a_path_that_no_list_can_hold_is_refused(home: Home, path: str) -> None:
    for refuse in (lambda where: refuse_taken(home.context, where), lambda where: place(home.context, where, "conda")):
        with pytest.raises(EnvtoolError, match="cannot contain") as caught:
            refuse(Path(path))
        assert caught.value.code == ExitCode.USAGE
        assert caught.value.message.isprintable()
