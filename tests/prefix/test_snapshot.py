"""Snapshots: after an interrupted change, going back is exact or names what it could not restore."""

import os
import random
import shutil
from pathlib import Path

import pytest

from envtool.prefix import snapshot
from envtool.prefix.snapshot import Footprint, Snapshot, scan

PACKAGE = tuple(f"lib/python3.11/site-packages/pkg/mod{number}.py" for number in range(40))


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """A small environment: a package, a script, links, file modes, a folder of the user's own."""
    root = tmp_path / "envs" / "dl"
    for path in (*PACKAGE, "conda-meta/history", "conda-meta/pkg-1.0-0.json", "bin/tool", "work/thesis.tex"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(f"content of {path}\n")
    (root / "bin/tool").chmod(0o755)
    (root / "bin/python").symlink_to("python3.11")
    (root / "lib/closed").mkdir(mode=0o555)
    return root


def exact(prefix: Path) -> dict[str, tuple[object, ...]]:
    """Return everything about a tree that a user could miss: content, times, modes, targets."""
    return {
        path: (entry.kind, entry.mode, entry.target, entry.mtime, (prefix / path).read_bytes())
        if entry.kind == "file"
        else (entry.kind, entry.mode, entry.target)
        for path, entry in scan(prefix).items()
    }


def taken(prefix: Path, *touched: str) -> Snapshot:
    footprint = Footprint(frozenset(touched or PACKAGE), coming=frozenset({"share/new/file"}))
    return snapshot.take(prefix, prefix.parent / ".envtool/dl.aside", footprint)


def test_nothing_changed_is_nothing_different(prefix: Path) -> None:
    assert taken(prefix).differences() == []


def test_every_kind_of_damage_is_undone(prefix: Path) -> None:
    before = exact(prefix)
    kept = taken(prefix)
    shutil.rmtree(prefix / "lib/python3.11/site-packages/pkg")
    (prefix / "lib/python3.11/site-packages/pkg").write_text("a file where a folder was")
    with (prefix / "conda-meta/history").open("a") as file:
        file.write("==> 2026 <==\n")
    (prefix / "bin/python").unlink()
    (prefix / "bin/python").symlink_to("elsewhere")
    (prefix / "bin/tool").chmod(0o600)
    (prefix / "share/new").mkdir(parents=True)
    (prefix / "share/new/file").write_text("new")
    (prefix / "lib/left/behind").mkdir(parents=True)
    (prefix / "CACHEDIR.TAG").write_text("tag")
    (prefix / "work/notes.txt").write_text("written meanwhile")
    assert kept.restore() == []
    (prefix / "work/notes.txt").unlink()
    assert exact(prefix) == before


def test_what_a_killed_conda_was_working_on_goes(prefix: Path) -> None:
    before = exact(prefix)
    kept = taken(prefix)
    (prefix / ".condatmp/2af19b06").mkdir(parents=True)
    (prefix / ".condatmp/c040b309").write_text("compiled files wait here")
    assert kept.restore() == []
    assert exact(prefix) == before


def test_a_file_changed_in_place_is_told_from_its_kept_content(prefix: Path) -> None:
    kept = taken(prefix)
    path = prefix / PACKAGE[0]
    status = path.stat()
    with path.open("r+b") as file:  # through the same inode, and with its times put back
        file.write(b"CONTENT")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert kept.differences() == [PACKAGE[0]]
    assert kept.restore() == [PACKAGE[0]]  # the link has changed along with it: named, not called restored


def test_what_was_not_kept_is_named(prefix: Path) -> None:
    kept = taken(prefix, *PACKAGE[:1])
    (prefix / PACKAGE[5]).write_text("changed by a script that nobody foresaw")
    (prefix / PACKAGE[6]).unlink()
    assert kept.restore() == sorted([PACKAGE[5], PACKAGE[6]])


def test_going_back_works_where_links_do_not(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = exact(prefix)
    monkeypatch.setattr(snapshot, "_link", lambda *_: False)
    kept = taken(prefix)
    shutil.rmtree(prefix / "lib/python3.11")
    assert kept.restore() == []
    assert exact(prefix) == before


def test_compiled_files_go_and_come_with_their_sources(prefix: Path) -> None:
    compiled = prefix / "lib/python3.11/site-packages/pkg/__pycache__/mod3.cpython-311.pyc"
    compiled.parent.mkdir()
    compiled.write_bytes(b"compiled")
    before, kept = exact(prefix), taken(prefix)
    shutil.rmtree(prefix / "lib/python3.11")
    assert kept.restore() == []
    assert exact(prefix) == before


def test_what_might_be_touched_comes_back_too(prefix: Path) -> None:
    before = exact(prefix)
    kept = snapshot.take(prefix, prefix.parent / ".envtool/dl.aside", Footprint(possible=frozenset(PACKAGE)))
    shutil.rmtree(prefix / "lib/python3.11")
    assert kept.restore() == []
    assert exact(prefix) == before


def test_a_snapshot_of_another_environment_at_the_same_place_is_refused(prefix: Path) -> None:
    folder = taken(prefix).folder
    shutil.move(prefix, prefix.with_name("moved"))
    shutil.copytree(prefix.with_name("moved"), prefix, symlinks=True)
    with pytest.raises(ValueError, match="aside"):
        snapshot.load(prefix, folder)


def test_it_is_read_back_from_the_disk(prefix: Path) -> None:
    before, folder = exact(prefix), taken(prefix).folder
    shutil.rmtree(prefix / "lib/python3.11")
    again = snapshot.load(prefix, folder)
    assert again.restore() == []
    assert exact(prefix) == before
    again.delete()
    assert not folder.exists()
    with pytest.raises(OSError, match="No such file"):
        snapshot.load(prefix, folder)


@pytest.mark.parametrize("path", ["../../home", "/etc/passwd", "lib/../../x", ""])
def test_an_index_that_leads_out_of_the_environment_is_refused(prefix: Path, path: str) -> None:
    folder = taken(prefix).folder
    index = folder / snapshot.INDEX
    index.write_text(index.read_text().replace('"bin/tool"', f'"{path}"'))
    with pytest.raises(ValueError, match="aside"):
        snapshot.load(prefix, folder)


@pytest.mark.parametrize("seed", range(20))
def test_random_damage_is_undone_or_named(prefix: Path, seed: int) -> None:
    rng = random.Random(seed)
    before, kept = exact(prefix), taken(prefix, *rng.sample(PACKAGE, 30))
    for _ in range(rng.randrange(1, 60)):
        path = prefix / rng.choice(PACKAGE)
        match rng.randrange(4):
            case 0:
                path.unlink(missing_ok=True)
            case 1:
                path.with_name(f"new{rng.randrange(9)}").write_text("new")
            case 2 if path.exists():
                path.rename(path.with_suffix(".old"))
            case _:
                aside = path.with_suffix(".tmp")
                aside.write_text("replaced")
                aside.replace(path)
    wrong = kept.restore()
    after = exact(prefix)
    assert {path for path in before if after.get(path) != before[path]} == set(wrong)
    assert after.keys() <= before.keys()
    assert set(wrong).isdisjoint(kept.kept)


def test_content_is_kept_of_what_is_touched_only(prefix: Path) -> None:
    kept = taken(prefix, *PACKAGE[:3])
    rewritten = {"conda-meta/history"}
    assert set(kept.kept) == {*PACKAGE[:3], *rewritten}
    assert len(list(kept.folder.iterdir())) == len(kept.kept) + 1  # and the index
    assert (kept.folder / kept.kept[PACKAGE[0]].name).stat().st_ino == (prefix / PACKAGE[0]).stat().st_ino
