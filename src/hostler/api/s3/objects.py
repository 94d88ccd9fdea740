"""PutObject, GetObject and HeadObject.

Invariant: an object changes in one transaction, after its new bytes are durable and checked.
"""

from dataclasses import replace

from hostler.api.s3 import conditions, describe, naming, tagging
from hostler.api.s3.call import Content, Reply, Room, S3Call
from hostler.api.s3.checksums import USUAL
from hostler.api.s3.errors import error
from hostler.api.s3.finding import find
from hostler.api.s3.guard import bucket_of
from hostler.api.s3.incoming import UNTOLD, Claims, claims, receive
from hostler.store import object_versions, objects
from hostler.store.database import Transaction
from hostler.store.objects import Checksum, StoredObject


async def put_object(room: Room, call: S3Call) -> Reply:
    """Store an object's bytes and make them visible."""
    return await _put(room, call, claims(call.request.header, call.payload_hash))


async def put_form(room: Room, call: S3Call) -> Reply:
    """The same for a browser's form: its file has no length beforehand."""
    claimed = claims(call.request.header, call.payload_hash)
    return await _put(room, call, replace(claimed, length=UNTOLD))


async def _put(room: Room, call: S3Call, claimed: Claims) -> Reply:
    naming.check_key(call.key)
    headers, metadata = describe.headers_of(call), describe.metadata_of(call.params)
    tags = tagging.of_header(call.params.get("Tagging"))

    def check(tx: Transaction) -> None:
        bucket_of(tx, call.asked, call.bucket, call.params.get("ExpectedBucketOwner"))
        conditions.for_write(objects.lookup(tx, call.bucket, call.key), call.key, call.params)

    await room.store.read(check)
    async with room.storage.writing() as writer:
        received = await receive(
            room.storage, writer, call.body, claimed, chunked=call.chunked, also=USUAL
        )
        algorithm = claimed.algorithm or USUAL
        assert received.checksum is not None
        stored = StoredObject(
            bucket=call.bucket,
            key=call.key,
            size=received.blob.size,
            digest=received.blob.digest,
            etag=received.md5.hex(),
            modified=room.clock.now(),
            headers=headers,
            metadata=metadata,
            tags=tags,
            checksum=Checksum(algorithm.name, received.checksum),
        )

        def put(tx: Transaction) -> StoredObject:
            check(tx)
            return object_versions.put(tx, stored)

        made = await room.store.write(put)
    return Reply(
        {
            "ETag": describe.quoted(made.etag),
            **describe.written_members(made),
            **describe.checksum_members(made.checksum),
        }
    )


async def get_object(room: Room, call: S3Call) -> Reply:
    """An object, or a part of it; HEAD asks for the same without the bytes."""
    found = await find(room, call)
    stored = found.stored
    conditions.for_read(stored, call.params)
    asked = call.params.get("Range")
    number = call.params.get("PartNumber")
    if number is None:
        span = conditions.span(asked, stored.size)
    elif asked is None:
        span = _part(stored, number)
    else:
        raise error(
            "InvalidRequest", "Cannot specify both Range header and partNumber query parameter"
        )
    members = describe.members_of(stored, call.params, whole=span.length == stored.size)
    members["VersionId"] = found.told
    if span.partial:
        last = span.start + span.length - 1
        members["ContentRange"] = f"bytes {span.start}-{last}/{stored.size}"
    if number is not None and stored.parts:
        members["PartsCount"] = len(stored.parts)
    return Reply(
        members,
        status=206 if span.partial else None,
        content=Content(room.storage.blobs.path(stored.digest), span.start, span.length),
        headers=describe.plain_headers(stored, call.request),
    )


def _part(stored: StoredObject, number: int) -> conditions.Span:
    sizes = [part.size for part in stored.parts] or [stored.size]
    if not 1 <= number <= len(sizes):
        raise error(
            "InvalidPartNumber",
            "The requested partnumber is not satisfiable",
            PartNumberRequested=str(number),
            ActualPartCount=str(len(sizes)),
        )
    return conditions.Span(sum(sizes[: number - 1]), sizes[number - 1], partial=stored.size > 0)
