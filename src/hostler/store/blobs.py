"""Content-addressed files: an object's bytes, under the SHA-256 of those bytes.

Invariant: a file under ``blobs/`` is complete and durable from the moment it appears; it was hashed
while it was written, flushed, and renamed into place. What is being written lies under ``tmp/`` and
is deleted at the next start. One process writes (``own``); any process may read.
"""

import fcntl
import hashlib
import os
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

FLUSH_BYTES = 32 << 20
"""Flushed piecewise, so that the end of a large upload does not stall the disk for others."""
WRITE_BYTES = 64 << 10
"""Of one system call: many kernels let nobody else have the processor before it ends."""


class BlobsInUseError(Exception):
    """Another process writes here."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A stored content: its SHA-256 in hexadecimal, and its length in bytes."""

    digest: str
    size: int


class Blobs:
    """The blobs of one folder (``layout.s3``). Every method blocks: call from a thread."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._files = root / "blobs"
        self._unfinished = root / "tmp"
        self._guard = threading.Lock()
        self._pins: Counter[str] = Counter()
        self._lock: int | None = None

    def path(self, digest: str) -> Path:
        """Where a blob's bytes are; they never change under this path."""
        return self._files / digest[:2] / digest

    def own(self) -> None:
        """Become the only writer, make the folders and drop what a dead writer left unfinished."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            raise BlobsInUseError(f"another process writes to {self.root}") from error
        self._lock = lock
        for folder in (self._unfinished, self._files):
            folder.mkdir(mode=0o700, exist_ok=True)
        for prefix in range(256):
            (self._files / f"{prefix:02x}").mkdir(mode=0o700, exist_ok=True)
        for unfinished in self._unfinished.iterdir():
            unfinished.unlink()
        _flush_folder(self._files)

    def release(self) -> None:
        """Let another process become the writer."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def begin(self) -> "BlobWriter":
        """A new content; close it once its index row is written (or never will be)."""
        return BlobWriter(self, self._unfinished / uuid4().hex)

    def remove(self, digest: str) -> bool:
        """Delete a content unless a writer has just stored it again; whether it is gone."""
        with self._guard:
            if self._pins[digest]:
                return False
            self.path(digest).unlink(missing_ok=True)
            return True

    def digests(self, prefix: str) -> Iterator[str]:
        """The stored contents whose digests begin with two given digits."""
        return (path.name for path in (self._files / prefix).iterdir())

    def publish(self, unfinished: Path, digest: str) -> None:
        """Move a flushed file into place and pin it (see ``BlobWriter``)."""
        with self._guard:
            unfinished.replace(self.path(digest))
            self._pins[digest] += 1

    def unpin(self, digest: str) -> None:
        """The content's index row exists, or never will."""
        with self._guard:
            self._pins[digest] -= 1
            if not self._pins[digest]:
                del self._pins[digest]


class BlobWriter:
    """One content being written.

    Until ``close`` its blob cannot be collected, so that the index row that refers to it is written
    in time; closed before ``commit``, it leaves nothing behind.
    """

    def __init__(self, blobs: Blobs, unfinished: Path) -> None:
        self._blobs = blobs
        self._unfinished = unfinished
        self._file: int | None = None
        self._hash = hashlib.sha256()
        self._unflushed = 0
        self._blob: Blob | None = None
        self._closed = False
        self.size = 0

    def write(self, data: bytes | memoryview) -> None:
        """Append."""
        if self._file is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            self._file = os.open(self._unfinished, flags, 0o600)
        self._hash.update(data)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._file, rest[:WRITE_BYTES]) :]
        self.size += len(data)
        self._unflushed += len(data)
        if self._unflushed >= FLUSH_BYTES:
            os.fdatasync(self._file)
            self._unflushed = 0

    def hexdigest(self) -> str:
        """The SHA-256 of what has been written so far."""
        return self._hash.hexdigest()

    def commit(self) -> Blob:
        """Make the content durable and readable under its digest."""
        self.write(b"")
        if self._file is not None:
            os.fsync(self._file)
        self._close_file()
        blob = Blob(self._hash.hexdigest(), self.size)
        self._blobs.publish(self._unfinished, blob.digest)
        self._blob = blob
        _flush_folder(self._blobs.path(blob.digest).parent)
        return blob

    def close(self) -> None:
        """Let go: of the unfinished file, or of the pin on the finished one (once)."""
        self._close_file()
        if self._blob is None:
            self._unfinished.unlink(missing_ok=True)
        elif not self._closed:
            self._blobs.unpin(self._blob.digest)
        self._closed = True

    def _close_file(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
