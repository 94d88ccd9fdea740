"""Certificates for tests, by the parts that make Hostler's own."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from hostler.gateway import issuing


class Files(NamedTuple):
    """Paths of a certificate, of its key, and of the authority that vouches for it."""

    certificate: Path
    key: Path
    authority: Path


def written(folder: Path, *names: str) -> Files:
    """A certificate for these names, with its authority at its end, under a new authority."""
    authority, signer = issuing.authority("test", names)
    pem = issuing.signed(authority, signer, names, datetime.now(UTC) + timedelta(days=1))
    mark = b"-----BEGIN PRIVATE KEY-----"
    certificate, _, key = pem.partition(mark)
    files = Files(*(folder / name for name in ("server.pem", "server.key", "authority.pem")))
    for path, data in zip(files, (certificate + authority, mark + key, authority), strict=True):
        path.write_bytes(data)
    return files
