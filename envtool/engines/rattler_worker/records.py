"""Package records: those of a prefix, and their form in requests and answers."""

import json
import tempfile
from pathlib import Path
from typing import Any

from rattler import PrefixRecord, RepoDataRecord

from envtool.prefix.conda_meta import record_files

Json = dict[str, Any]


def installed(prefix: str | None) -> list[RepoDataRecord]:
    """Return the records of the packages in a prefix, if there is one."""
    if prefix is None:
        return []
    return [PrefixRecord.from_path(path) for path in record_files(Path(prefix))]


def to_json(record: RepoDataRecord) -> Json:
    """Return a record as JSON, with its URL, channel and file name."""
    fields: Json = json.loads(record.to_json())
    return fields | {"url": record.url, "channel": record.channel, "fn": record.file_name}


def from_json(fields: Json) -> RepoDataRecord:
    """Return the record that :func:`to_json` has written.

    The library reads complete records only from files, as those of installed packages. The additional fields of these
    stay empty.
    """
    complete = {**fields, "files": [], "paths_data": {"paths_version": 1, "paths": []}}
    for key in ("link", "requested_spec", "requested_specs", "extracted_package_dir", "package_tarball_full_path"):
        complete.pop(key, None)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(complete, file)
        file.flush()
        return PrefixRecord.from_path(Path(file.name))
