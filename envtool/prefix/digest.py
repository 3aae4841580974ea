"""A file's content as conda's records and pip's RECORD files know it."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Digest:
    """The SHA-256 of a content, as its 32 bytes, and its size in bytes."""

    sha256: bytes
    size: int

    @classmethod
    def of(cls, data: bytes) -> "Digest":
        """Return the digest of a content."""
        return cls(hashlib.sha256(data).digest(), len(data))


Rewritten = dict[str, tuple[Digest, Digest]]  # path below the prefix -> before, after
