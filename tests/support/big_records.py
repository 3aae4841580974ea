"""Environments whose records are as large as those of deep-learning packages, and a plain reader to compare with."""

import json
from pathlib import Path

READER = """
import json, pathlib, sys, typer
for path in pathlib.Path(sys.argv[1]).glob("conda-meta/*.json"):
    json.loads(path.read_bytes())
"""
FILES = 800  # files of a package: 300 packages then have some 50 MB of records, as a deep-learning environment has


def environment(prefix: Path, packages: int, files: int = FILES) -> Path:
    """Make a conda environment of so many packages, each with a record of so many files; return its prefix."""
    meta = prefix / "conda-meta"
    meta.mkdir(parents=True)
    (meta / "history").touch()
    (prefix / "bin").mkdir()
    for number in range(packages):
        name, version = ("python", "3.11.7") if number == 0 else (f"package-{number:03}", "1.2.3")
        record = _record(name, version, files)
        (meta / f"{name}-{version}-h0_0.json").write_text(json.dumps(record, indent=2))
    return prefix


def _record(name: str, version: str, files: int) -> dict[str, object]:
    paths = [f"share/{name}/folder/module_{number}.py" for number in range(files)]
    channel = "https://conda.anaconda.org/conda-forge/linux-64"
    details = [{"_path": path, "path_type": "hardlink", "sha256": "ab" * 32, "size_in_bytes": 4096} for path in paths]
    return {
        "name": name,
        "version": version,
        "build": "h0_0",
        "build_number": 0,
        "channel": channel,
        "subdir": "linux-64",
        "fn": f"{name}-{version}-h0_0.conda",
        "md5": "cd" * 16,
        "depends": [],
        "url": f"{channel}/{name}-{version}-h0_0.conda",
        "files": paths,
        "paths_data": {"paths_version": 1, "paths": details},
    }
