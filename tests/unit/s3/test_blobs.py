"""Content-addressed files: complete or absent."""

import hashlib
from pathlib import Path

import pytest

from hostler.store.blobs import Blobs, BlobsInUseError


def test_a_content_is_found_under_its_digest(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    blobs.own()
    writer = blobs.begin()
    writer.write(b"hello ")
    writer.write(memoryview(b"world"))
    assert list((tmp_path / "blobs").glob("*/*")) == []
    blob = writer.commit()
    writer.close()
    assert blob.digest == hashlib.sha256(b"hello world").hexdigest()
    assert blob.size == 11
    assert blobs.path(blob.digest).read_bytes() == b"hello world"
    assert list((tmp_path / "tmp").iterdir()) == []
    assert list(blobs.digests(blob.digest[:2])) == [blob.digest]


def test_an_empty_content_is_a_content(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    blobs.own()
    writer = blobs.begin()
    blob = writer.commit()
    writer.close()
    assert blobs.path(blob.digest).read_bytes() == b""


def test_an_abandoned_write_leaves_nothing(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    blobs.own()
    writer = blobs.begin()
    writer.write(b"half")
    writer.close()
    writer.close()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "lock"]


def test_what_a_dead_writer_left_is_dropped_at_the_next_start(tmp_path: Path) -> None:
    dead = Blobs(tmp_path)
    dead.own()
    dead.begin().write(b"half")
    dead.release()  # the kernel does this for a killed process
    blobs = Blobs(tmp_path)
    blobs.own()
    assert list((tmp_path / "tmp").iterdir()) == []


def test_there_is_one_writer(tmp_path: Path) -> None:
    first = Blobs(tmp_path)
    first.own()
    with pytest.raises(BlobsInUseError):
        Blobs(tmp_path).own()
    first.release()
    Blobs(tmp_path).own()


def test_a_content_being_stored_cannot_be_removed(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    blobs.own()
    first, second = blobs.begin(), blobs.begin()
    digest = first.commit().digest
    assert second.commit().digest == digest
    first.close()
    assert not blobs.remove(digest)
    second.close()
    second.close()
    assert blobs.remove(digest)
    assert not blobs.path(digest).exists()
    assert blobs.remove(digest)
