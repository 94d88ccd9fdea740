"""Copies refer to contents, so a content must be there when the copy's row is written."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hostler.api.s3.call import Room, S3Call
from hostler.api.s3.copying import copy_object
from hostler.api.s3.guard import Asked, Guard, Holding
from hostler.api.s3.incoming import Storage
from hostler.api.s3.kept import Indexed
from hostler.aws.http import HttpRequest
from hostler.domain.errors import CallerError
from hostler.domain.snapshot import Principal
from hostler.iam.evaluate import PolicyEngine
from hostler.store import objects
from hostler.store.blobs import Blobs
from hostler.store.object_index import open_index
from hostler.store.objects import Bucket, StoredObject

ACCOUNT = "123456789012"
ROOT = Principal(f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, ACCOUNT, "root", is_root=True)


class Clock:
    def now(self) -> float:
        return 1_700_000_000.0


@contextlib.asynccontextmanager
async def at_once() -> AsyncIterator[None]:
    yield


async def nothing() -> AsyncIterator[bytes]:
    for piece in ():
        yield piece


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    index = open_index(tmp_path / "index.db")
    blobs = Blobs(tmp_path)
    blobs.own()
    index.run(
        lambda tx: objects.create_bucket(tx, Bucket("main", ACCOUNT, "us-east-1", 1.0)), write=True
    )
    threads = ThreadPoolExecutor(1)
    yield Room(
        index, Storage(blobs, threads), Guard(PolicyEngine(), "us-east-1", Indexed(index)), Clock()
    )
    threads.shutdown()
    blobs.release()
    index.close()


def copying(source: str, target: str, **params: str) -> S3Call:
    return S3Call(
        params={"Bucket": "main", "Key": target, "CopySource": f"main/{source}", **params},
        request=HttpRequest("PUT", f"/main/{target}", ()),
        asked=Asked(ROOT, {}, {"main": Holding(ACCOUNT)}),
        region="us-east-1",
        request_id="R",
        now=1.0,
        body=nothing(),
        payload_hash="UNSIGNED-PAYLOAD",
        chunked=None,
        waiting=at_once,
    )


def kept(room: Room, key: str) -> StoredObject | None:
    return room.store.run(lambda tx: objects.lookup(tx, "main", key))


def stored(room: Room) -> StoredObject:
    """The object "source" with its content."""
    writer = room.storage.blobs.begin()
    writer.write(b"abc")
    blob = writer.commit()
    source = StoredObject("main", "source", blob.size, blob.digest, "e" * 32, 1.0)
    room.store.run(lambda tx: objects.put(tx, source), write=True)
    writer.close()
    return source


def test_a_copy_of_a_content_that_went_meanwhile_is_refused_and_leaves_no_row(room: Room) -> None:
    """It was overwritten and collected while a long copy was being made."""
    gone = StoredObject("main", "source", 3, "ab" * 32, "e" * 32, 1.0)
    room.store.run(lambda tx: objects.put(tx, gone), write=True)
    with pytest.raises(CallerError) as caught:
        asyncio.run(copy_object(room, copying("source", "target")))
    assert caught.value.code == "NoSuchKey"
    assert kept(room, "target") is None


def test_a_copy_refers_to_the_same_content(room: Room) -> None:
    source = stored(room)
    asyncio.run(copy_object(room, copying("source", "target")))
    made = kept(room, "target")
    assert made is not None
    assert (made.digest, made.size) == (source.digest, 3)


@pytest.mark.parametrize(
    ("name", "value", "headers"),
    [
        ("ServerSideEncryption", "AES256", {"ServerSideEncryption": "AES256"}),
        ("StorageClass", "STANDARD", {}),
        ("ChecksumAlgorithm", "SHA256", {}),
        ("MetadataDirective", "REPLACE", {"ContentType": "binary/octet-stream"}),
        ("TaggingDirective", "REPLACE", {}),
    ],
)
def test_an_object_is_copied_onto_itself_to_change_what_a_copy_may_change(
    room: Room, name: str, value: str, headers: dict[str, str]
) -> None:
    before = stored(room)
    asyncio.run(copy_object(room, copying("source", "source", **{name: value})))
    made = kept(room, "source")
    assert made is not None
    assert (made.digest, made.headers) == (before.digest, headers)
    assert made.modified > before.modified


def test_an_object_is_not_copied_onto_itself_as_it_is(room: Room) -> None:
    stored(room)
    with pytest.raises(CallerError) as caught:
        asyncio.run(copy_object(room, copying("source", "source")))
    assert caught.value.code == "InvalidRequest"
