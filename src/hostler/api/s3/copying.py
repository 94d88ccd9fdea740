"""CopyObject and UploadPartCopy: an object's bytes again, under another key.

Invariant: a copy of a whole object copies no bytes where it can refer to the same blob; it is read
only where the answer needs a sum that nobody has computed yet.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from hostler.api.s3 import access, conditions, describe, finding, multipart, naming, tagging
from hostler.api.s3.call import Reply, Room, S3Call
from hostler.api.s3.checksums import Algorithm, named
from hostler.api.s3.errors import error, invalid_argument, invalid_request, no_such_key
from hostler.api.s3.finding import Found, Wanted
from hostler.api.s3.guard import bucket_of
from hostler.api.s3.incoming import OBJECT_BYTES_MAX, PIECE_BYTES, Digests, Received
from hostler.store import object_versions, objects
from hostler.store.blobs import BlobWriter
from hostler.store.database import Transaction
from hostler.store.objects import NULL_VERSION, Checksum, StoredObject

_RANGE = re.compile(r"bytes=(\d+)-(\d+)", re.ASCII)
_CHANGES = frozenset({"ChecksumAlgorithm", "ServerSideEncryption", "StorageClass"})
"""With one of them, whatever it says, S3 lets an object be copied onto itself."""


def source_of(header: str) -> Wanted:
    """What x-amz-copy-source names, in a version of ours if in one."""
    wanted = named_source(header)
    if wanted.version_id is None:
        return wanted
    return Wanted(wanted.bucket, wanted.key, finding.checked(wanted.version_id))


def named_source(header: str) -> Wanted:
    """What x-amz-copy-source names: ``[/]bucket/key[?versionId=…]``, percent-encoded."""
    path, _, query = header.partition("?")
    try:
        decoded = unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        decoded = ""
    bucket, slash, key = decoded.removeprefix("/").partition("/")
    if not (bucket and slash and key):
        raise invalid_argument(
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
            "x-amz-copy-source",
            header,
        )
    naming.check_key(key)
    if not query:
        return Wanted(bucket, key, None)
    return Wanted(bucket, key, query.removeprefix("versionId="))


async def _source(room: Room, call: S3Call) -> Found:
    wanted = source_of(call.params["CopySource"])
    need = access.reading(wanted.bucket, wanted.key, wanted.version_id)
    await room.guard.admit(call.asked, [need])
    owner = call.params.get("ExpectedSourceBucketOwner")
    found = await room.store.read(lambda tx: finding.lookup(tx, room, call, wanted, owner))
    conditions.for_copy(found.stored, call.params)
    return found


async def copy_object(room: Room, call: S3Call) -> Reply:
    """A new object of the same bytes, with the source's metadata and tags or with new ones."""
    naming.check_key(call.key)
    found = await _source(room, call)
    source = found.stored
    if source.size > OBJECT_BYTES_MAX:
        raise invalid_request(
            "The specified copy source is larger than the maximum allowable size for a copy "
            f"source: {OBJECT_BYTES_MAX}"
        )
    copied = await _described(room, call, source)
    asked = call.params.get("ChecksumAlgorithm")
    algorithm = named(asked) if asked else _algorithm_of(source)
    if source.parts or algorithm != _algorithm_of(source):
        path = room.storage.blobs.path(source.digest)
        async with call.waiting():
            digests = await room.storage.run(lambda: _read(path, algorithm))
        value = digests.checksum()
        copied = replace(
            copied,
            etag=digests.md5().hex(),
            checksum=Checksum(algorithm.name, value) if algorithm and value else None,
        )
    copied = replace(copied, parts=(), version_id=NULL_VERSION, modified=room.clock.now())

    def write(tx: Transaction) -> StoredObject:
        bucket_of(tx, call.asked, call.bucket, call.params.get("ExpectedBucketOwner"))
        conditions.for_write(objects.lookup(tx, call.bucket, call.key), call.key, call.params)
        # Contents go in write transactions too: one that is there now stays, by this row.
        if not room.storage.blobs.path(copied.digest).exists():
            raise no_such_key(source.key)
        return object_versions.put(tx, copied)

    made = await room.store.write(write)
    return Reply(
        {
            **describe.written_members(made),
            "CopySourceVersionId": found.told,
            "CopyObjectResult": {
                "ETag": describe.quoted(copied.etag),
                "LastModified": copied.modified,
                **describe.checksum_members(copied.checksum),
            },
        }
    )


async def _described(room: Room, call: S3Call, source: StoredObject) -> StoredObject:
    params = call.params
    directive = _directive(params, "MetadataDirective", "x-amz-metadata-directive")
    tags = _directive(params, "TaggingDirective", "x-amz-tagging-directive")
    wanted = source_of(params["CopySource"])
    here = wanted == Wanted(call.bucket, call.key, None)
    if here and (directive, tags) == ("COPY", "COPY") and _CHANGES.isdisjoint(params):
        raise invalid_request(
            "This copy request is illegal because it is trying to copy an object to itself without "
            "changing the object's metadata, storage class, website redirect location or "
            "encryption attributes."
        )
    copied = replace(source, bucket=call.bucket, key=call.key)
    if "ServerSideEncryption" in params:
        copied = replace(copied, headers={**copied.headers, "ServerSideEncryption": "AES256"})
    if directive == "REPLACE":
        copied = replace(
            copied, headers=describe.headers_of(call), metadata=describe.metadata_of(params)
        )
    if tags == "REPLACE":
        copied = replace(copied, tags=tagging.of_header(params.get("Tagging")))
    elif source.tags:
        action = "s3:GetObjectTagging"
        need = access.reading(source.bucket, source.key, wanted.version_id, action)
        await room.guard.admit(call.asked, [need])
    if copied.tags:
        given = {"Tagging": {"TagSet": tagging.shown(copied.tags)}}
        await room.guard.admit(call.asked, [access.tagging(call.bucket, call.key, given)])
    return copied


def _directive(params: Any, member: str, header: str) -> str:
    directive = str(params.get(member, "COPY"))
    if directive not in ("COPY", "REPLACE"):
        raise invalid_argument(f"Unknown {header.removeprefix('x-amz-')}.", header, directive)
    return directive


def _algorithm_of(source: StoredObject) -> Algorithm | None:
    return named(source.checksum.algorithm) if source.checksum else None


def _pieces(path: Path, start: int, length: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while length:
            piece = file.read(min(PIECE_BYTES, length))
            if not piece:
                raise EOFError(f"{path} is shorter than its row says")
            length -= len(piece)
            yield piece


def _read(path: Path, algorithm: Algorithm | None) -> Digests:
    digests = Digests(algorithm)
    for piece in _pieces(path, 0, path.stat().st_size):
        digests.take(piece)
    return digests


async def upload_part_copy(room: Room, call: S3Call) -> Reply:
    """A part of a multipart upload from a range of an object."""
    upload = await multipart.open_upload(room, call)
    found = await _source(room, call)
    source = found.stored
    start, length = source_span(call.params.get("CopySourceRange"), source.size)
    if length > OBJECT_BYTES_MAX:
        raise error("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
    path = room.storage.blobs.path(source.digest)
    async with room.storage.writing() as writer:
        async with call.waiting():
            received = await room.storage.run(
                lambda: _copy(writer, path, start, length, multipart.algorithm_of(upload))
            )
        part = await multipart.add_part(room, call, received)
    return Reply(
        {
            "CopySourceVersionId": found.told,
            "CopyPartResult": {
                "ETag": describe.quoted(part.etag),
                "LastModified": part.modified,
                **multipart.checksum_members(upload, part.checksum),
            },
        }
    )


def _copy(
    writer: BlobWriter, path: Path, start: int, length: int, algorithm: Algorithm | None
) -> Received:
    digests = Digests(algorithm)
    for piece in _pieces(path, start, length):
        writer.write(piece)
        digests.take(piece)
    return Received(writer.commit(), digests.md5(), digests.checksum())


def source_span(header: str | None, size: int) -> tuple[int, int]:
    """Where the part of a source that is copied begins, and its length."""
    if header is None:
        return 0, size
    found = _RANGE.fullmatch(header)
    if found is None:
        raise invalid_argument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first "
            "and last are the zero-based offsets of the first and last bytes to copy",
            "x-amz-copy-source-range",
            header,
        )
    first, last = conditions.position(found[1]), conditions.position(found[2])
    if last < first or last >= size:
        raise invalid_argument(
            f"Range specified is not valid for source object of size: {size}",
            "x-amz-copy-source-range",
            header,
        )
    return first, last - first + 1
