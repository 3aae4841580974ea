"""RECORD files: what pip installed, and whether it is still there."""

import os
from pathlib import Path

import pytest
from support.layouts import dist, write

from envtool.prefix.site_packages import damaged, is_record, recorded_files


def installed(folder: Path, rows: str | bytes) -> Path:
    record = dist(folder, "My_Dist", "1.0") / "RECORD"
    record.write_bytes(rows if isinstance(rows, bytes) else rows.encode())
    return record


def test_the_paths_that_a_record_lists() -> None:
    path = "lib/python3/site-packages/x-1.0.dist-info/RECORD"
    data = b'x/a.py,sha256=abc,3\r\n"x/b, ""c"".py",sha256=abc,3\n../../../bin/x,,\n\n' + b"x/\xbb.py,,\n"
    assert [*recorded_files(path, data)] == [
        "lib/python3/site-packages/x/a.py",
        'lib/python3/site-packages/x/b, "c".py',
        "bin/x",
        "lib/python3/site-packages/x/" + os.fsdecode(b"\xbb") + ".py",
    ]
    assert is_record(path)
    assert not is_record("lib/RECORD")


def test_a_whole_distribution_is_not_damaged(tmp_path: Path) -> None:
    write(tmp_path / "x.py", "123")
    write(tmp_path / "bin" / "x", "1")
    installed(tmp_path / "sp", "../x.py,sha256=abc,3\r\nMy_Dist-1.0.dist-info/RECORD,,\r\n../bin/x,,\n")
    assert damaged(tmp_path / "sp") == set()
    assert damaged(tmp_path / "gone") == set()


@pytest.mark.parametrize(
    "rows", ["gone.py,sha256=abc,3\n", "x.py,sha256=abc,4\n", "x.py,sha256=abc,four\n", b"\xbb.py,,\n"]
)
def test_a_missing_file_another_size_and_a_list_that_makes_no_sense_are_damage(
    tmp_path: Path, rows: str | bytes
) -> None:
    write(tmp_path / "x.py", "123")
    installed(tmp_path, rows)
    assert damaged(tmp_path) == {"my-dist"}
