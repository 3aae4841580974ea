"""conda's records of packages: which files count, how they are read, what is written."""

import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.layouts import conda_env, write

from envtool.errors import EnvtoolError
from envtool.prefix import conda_meta


def record(prefix: Path, name: str) -> Path:
    return prefix / "conda-meta" / f"{name}-1.0-0.json"


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """An environment with two packages, and with everything beside their records that is none."""
    prefix = conda_env(tmp_path / "env", {"name": "good", "files": ["share/good"]}, {"name": "other"})
    write(record(prefix, "._good"), "macOS")
    write(prefix / "conda-meta" / "state", "{}")
    write(record(prefix, "misnamed"), json.dumps({"name": "good", "version": "1.0", "build": "0"}))
    return prefix


def test_one_answer_to_which_files_are_records(prefix: Path) -> None:
    assert [path.name for path in conda_meta.record_files(prefix)] == [
        "good-1.0-0.json",
        "misnamed-1.0-0.json",
        "other-1.0-0.json",
    ]
    assert [name for name, *_ in conda_meta.names(prefix)] == ["good", "misnamed", "other"]
    found, warnings = conda_meta.read_packages(prefix)
    whole = conda_meta.records(prefix)
    assert [item.package.name for item in found] == [item["name"] for item in whole] == ["good", "other"]
    assert [str(record(prefix, "misnamed")) in warning for warning in warnings] == [True]
    assert conda_meta.require_records(prefix) == whole
    assert [conda_meta.record_path(item) for item in whole] == [
        "conda-meta/good-1.0-0.json",
        "conda-meta/other-1.0-0.json",
    ]
    assert conda_meta.record_files(prefix / "gone") == []
    assert conda_meta.records(prefix / "gone") == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("conda-meta/a-1-0.json", True),
        ("conda-meta/._a-1-0.json", False),
        ("conda-meta/history", False),
        ("conda-meta/a/b.json", False),
        ("share/conda-meta/a.json", False),
    ],
)
def test_paths_of_records(path: str, expected: bool) -> None:
    assert conda_meta.is_record(path) is expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        '{"name": "bad"}',
        '{"name": 1, "version": "1.0", "build": "0"}',
        '{"name": "bad", "version": "1.0", "build": "0", "files": 7}',
        '{"name": "bad", "version": "1.0", "build": "0", "files": ["a", {}]}',
        '{"name": "bad", "version": "1.0", "build": "0", "depends": 7}',
        '{"name": "bad", "version": "1.0", "build": "0", "url": 5}',
    ],
)
def test_what_cannot_be_read_is_left_out_by_one_reader_and_refused_by_the_other(prefix: Path, text: str) -> None:
    write(record(prefix, "bad"), text)
    assert [item["name"] for item in conda_meta.records(prefix)] == ["good", "other"]
    _, warnings = conda_meta.read_packages(prefix)
    assert any(str(record(prefix, "bad")) in warning for warning in warnings)
    with pytest.raises(EnvtoolError, match=r"bad-1\.0-0\.json"):
        conda_meta.require_records(prefix)


@given(st.lists(st.text(st.sampled_from('a[]{},:"\\ '))), st.sampled_from([None, 1]))
def test_the_fast_reader_is_not_misled_by_the_names_of_files(paths: list[str], indent: int | None) -> None:
    entries = [{"_path": path, "sha256": "0"} for path in paths]
    rest = {"name": "odd", "files": paths}
    content = {"before": "".join(paths), "paths_data": {"paths": entries, "paths_version": 1}, **rest}
    read = conda_meta._parsed(json.dumps(content, indent=indent).encode())
    assert {key: read[key] for key in rest} == rest


def test_who_was_asked_for() -> None:
    assert conda_meta.requested_specs({"requested_specs": ["numpy>=1"]}) == ["numpy>=1"]
    assert conda_meta.requested_specs({"requested_spec": "numpy"}) == ["numpy"]
    assert conda_meta.requested_specs({"requested_spec": "None"}) == conda_meta.requested_specs({}) == []


def test_a_record_is_tidied_for_others(prefix: Path) -> None:
    path = record(prefix, "good")
    content = json.loads(path.read_text()) | {
        "url": "https://me:pw@host/t/tk-1/c/linux-64/good-1.0-0.conda",
        "channel": "c/",
    }
    path.write_text(json.dumps(content))
    path.chmod(0o600)
    (package,) = (found.package for found in conda_meta.read_packages(prefix)[0] if found.package.name == "good")
    conda_meta.tidy(prefix, package)
    text = path.read_text()
    assert "pw" not in text
    assert "tk-1" not in text
    assert json.loads(text)["channel"] == "c"
    if os.name != "nt":
        assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_what_a_kill_leaves_is_deleted_and_nothing_else(prefix: Path) -> None:
    cut, known = record(prefix, "cut"), record(prefix, "known")
    for path in (cut, known, record(prefix, "._good")):
        write(path, '{"name":')
    before = set((prefix / "conda-meta").iterdir()) - {cut}
    conda_meta.delete_broken(prefix, {known.stem})
    assert set((prefix / "conda-meta").iterdir()) == before


def test_files_and_their_owners(prefix: Path) -> None:
    assert conda_meta.owned_files(conda_meta.records(prefix)) == {"share/good"}
    assert conda_meta.owned_files([{"files": None}, {}]) == set()


def test_what_is_written_is_read_back(prefix: Path) -> None:
    (good, _) = conda_meta.records(prefix)
    conda_meta.write(prefix, good | {"version": "2.0"})
    assert conda_meta.record_path(conda_meta.records(prefix)[1]) == "conda-meta/good-2.0-0.json"


def test_only_hashes_of_rewritten_files_are_replaced() -> None:
    old, new, other = b"a" * 64, b"b" * 64, b"c" * 64
    data = b'{"sha256": "%s", "sha256_in_prefix": "%s", "x": {"sha256_in_prefix":"%s"}}' % (old, old, other)
    changed = conda_meta.with_new_digests(data, {old: new})
    assert changed == data.replace(b'_in_prefix": "' + old, b'_in_prefix": "' + new)
