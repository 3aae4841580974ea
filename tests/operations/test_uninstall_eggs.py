"""``envtool uninstall`` of packages that no installer of today writes: eggs, links to sources, distutils."""

from pathlib import Path

import pytest
from support.home import Home

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(home: Home) -> Path:
    """The site-packages folder of a venv with a real pip."""
    ran = home.envtool("create", "demo", "--engine", "venv")
    assert ran.code == 0, ran.err
    return next((home.venvs / "demo" / "lib").glob("python*/site-packages"))


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def metadata(name: str) -> str:
    return f"Metadata-Version: 1.0\nName: {name}\nVersion: 12.4.0\n"


def test_an_egg_is_removed_with_the_line_that_points_to_it(home: Home, folder: Path) -> None:
    egg = folder / "oldegg-12.4.0-py3.11.egg"
    write(egg / "EGG-INFO" / "PKG-INFO", metadata("oldegg"))
    write(egg / "EGG-INFO" / "top_level.txt", "oldegg\n")
    write(egg / "oldegg" / "__init__.py", "")
    write(folder / "easy-install.pth", "./oldegg-12.4.0-py3.11.egg\n./other\n")
    exported = home.envtool("export", "demo")
    assert ("oldegg" in exported.err, "  - oldegg==12.4.0" in exported.out) == (True, True), exported.err
    ran = home.envtool("uninstall", "-n", "demo", "oldegg", "--yes")
    assert ran.code == 0, ran.err
    assert "oldegg" not in home.installed("demo")
    assert not egg.exists()
    assert (folder / "easy-install.pth").read_text().split() == ["./other"]


def test_a_link_to_sources_is_removed_and_the_sources_stay(home: Home, folder: Path, tmp_path: Path) -> None:
    write(tmp_path / "src" / "linked.egg-info" / "PKG-INFO", metadata("linked"))
    write(folder / "linked.egg-link", f"{tmp_path / 'src'}\n.\n")
    write(folder / "easy-install.pth", f"{tmp_path / 'src'}\n")
    ran = home.envtool("uninstall", "-n", "demo", "linked", "--yes")
    assert ran.code == 0, ran.err
    assert "linked" not in home.installed("demo")
    assert (tmp_path / "src" / "linked.egg-info" / "PKG-INFO").exists()


@pytest.mark.parametrize("with_pip", [True, False])
def test_what_cannot_be_removed_is_an_error_and_stays_as_it_was(home: Home, folder: Path, with_pip: bool) -> None:
    write(folder / "ancient-12.4.0.egg-info", metadata("ancient"))
    write(folder / "ancient.py", "")
    write(folder / "norecord-12.4.0.dist-info" / "METADATA", metadata("norecord"))
    if not with_pip:
        assert home.envtool("uninstall", "-n", "demo", "pip", "--yes").code == 0
    before = home.installed("demo")
    for name in ("ancient", "norecord"):
        ran = home.envtool("uninstall", "-n", "demo", name, "--yes")
        assert (ran.code, name in ran.err) == (1, True), ran.err
        assert home.installed("demo") == before
    assert (folder / "ancient.py").exists()
