"""The packages that conda and mamba name in their JSON answers, and those that a URL names."""

from envtool.clients.conda.json_output import Json
from envtool.model import Package
from envtool.prefix import conda_meta
from envtool.redaction import redact


def identity(record: Json) -> tuple[str, str, str]:
    """Return name, version and build of a record."""
    return record["name"], record["version"], record.get("build_string") or record.get("build", "")


def package_of(record: Json, requested: set[str]) -> Package:
    """Return the package of a record; ``requested`` are the names that the user asked for."""
    return Package(
        name=record["name"],
        version=record["version"],
        manager="conda",
        build=identity(record)[2],
        channel=record.get("channel", ""),
        subdir=record.get("platform") or record.get("subdir", ""),
        url=redact(record.get("url") or ""),
        md5=record.get("md5") or "",
        sha256=record.get("sha256") or "",
        size=record.get("size"),
        requested=record["name"] in requested,
    )


def from_url(url: str) -> Package:
    """Return the package of an archive, as far as its address tells."""
    channel, subdir, _ = url.rsplit("/", 2)
    name, version, build = conda_meta.split_stem(stem_of(url))
    return Package(name, version, "conda", build, redact(channel), subdir, redact(url), requested=True)


def stem_of(url: str) -> str:
    """Return the file name of an archive without its suffix, which is also the name of its record."""
    return url.rsplit("/", 1)[1].removesuffix(".conda").removesuffix(".tar.bz2")
