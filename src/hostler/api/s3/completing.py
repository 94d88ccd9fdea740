"""CompleteMultipartUpload: many parts become one object.

Invariant: the parts are put together into one blob before the transaction that ends the upload and
shows the object, so it happens wholly or not at all; who asks again waits for the first and is
answered the same.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hostler.api.s3 import address, conditions, describe
from hostler.api.s3.call import Reply, Room, S3Call
from hostler.api.s3.checksums import ALGORITHMS, FULL_OBJECT, USUAL, composite, text
from hostler.api.s3.errors import error, invalid_request, malformed_xml, no_such_upload
from hostler.api.s3.guard import bucket_of
from hostler.api.s3.incoming import PIECE_BYTES
from hostler.api.s3.multipart import PARTS_MAX, algorithm_of, upload_of
from hostler.store import object_versions, objects, uploads
from hostler.store.blobs import Blob, BlobWriter
from hostler.store.database import Transaction
from hostler.store.objects import NULL_VERSION, Checksum, ObjectPart, StoredObject
from hostler.store.uploads import Completion, Part, Upload

PART_BYTES_MIN = 5 << 20
"""Of every part but the last."""


@dataclass(frozen=True, slots=True)
class _Plan:
    upload: Upload
    parts: tuple[Part, ...]


async def complete_multipart_upload(room: Room, call: S3Call) -> Reply:
    """Put the named parts together, in order."""

    def read(tx: Transaction) -> _Plan | Completion:
        bucket_of(tx, call.asked, call.bucket, call.params.get("ExpectedBucketOwner"))
        if (earlier := _earlier(tx, call)) is not None:
            return earlier
        upload = upload_of(tx, call)
        conditions.for_write(objects.lookup(tx, call.bucket, call.key), call.key, call.params)
        return _Plan(upload, _chosen(call, upload, uploads.parts(tx, upload.id)))

    async with call.waiting(), room.turns.of(call.params["UploadId"]):
        plan = await room.store.read(read)
        done = plan if isinstance(plan, Completion) else await _assemble(room, call, plan)
    return Reply(
        {
            "Location": address.of_object(call.request, call.bucket, call.key),
            "Bucket": call.bucket,
            "Key": call.key,
            "ETag": describe.quoted(done.etag),
            "VersionId": None if done.version_id == NULL_VERSION else done.version_id,
            **describe.checksum_members(done.checksum),
        }
    )


def _earlier(tx: Transaction, call: S3Call) -> Completion | None:
    """What the same upload became already."""
    known = uploads.completion(tx, call.params["UploadId"])
    if known is None or (known.bucket, known.key) != (call.bucket, call.key):
        return None
    return known


async def _assemble(room: Room, call: S3Call, plan: _Plan) -> Completion:
    async with room.storage.writing() as writer:
        blob, checksum = await room.storage.run(lambda: _join(room, writer, plan))
        _check_claims(call, plan.upload, blob, checksum)
        upload = plan.upload
        stored = StoredObject(
            bucket=call.bucket,
            key=call.key,
            size=blob.size,
            digest=blob.digest,
            etag=_etag(plan.parts),
            modified=room.clock.now(),
            headers=upload.headers,
            metadata=upload.metadata,
            tags=upload.tags,
            checksum=checksum,
            parts=tuple(ObjectPart(part.number, part.size, part.checksum) for part in plan.parts),
        )

        def finish(tx: Transaction) -> Completion:
            bucket_of(tx, call.asked, call.bucket)
            existing = objects.lookup(tx, call.bucket, call.key)
            conditions.for_write(existing, call.key, call.params)
            if not uploads.end(tx, upload.id, stored.modified):
                raise no_such_upload(upload.id)
            made = object_versions.put(tx, stored)
            done = Completion(
                upload_id=upload.id,
                bucket=made.bucket,
                key=made.key,
                etag=made.etag,
                completed=made.modified,
                version_id=made.version_id,
                checksum=made.checksum,
            )
            uploads.remember(tx, done)
            return done

        return await room.store.write(finish)


def _chosen(call: S3Call, upload: Upload, stored: Sequence[Part]) -> tuple[Part, ...]:
    """The parts that the caller names, checked against those that there are."""
    asked: list[dict[str, Any]] = (call.params.get("MultipartUpload") or {}).get("Parts") or []
    if not 1 <= len(asked) <= PARTS_MAX:
        raise malformed_xml()
    by_number = {part.number: part for part in stored}
    algorithm = algorithm_of(upload)
    chosen: list[Part] = []
    for item in asked:
        number, etag = item.get("PartNumber"), item.get("ETag")
        if not isinstance(number, int) or etag is None:
            raise malformed_xml()
        if chosen and number <= chosen[-1].number:
            raise error(
                "InvalidPartOrder",
                "The list of parts was not in ascending order. The parts list must be specified in "
                "order by part number.",
                UploadId=upload.id,
            )
        part = by_number.get(number)
        claimed = item.get(algorithm.member) if algorithm else None
        if (
            part is None
            or not conditions.matches(etag, part.etag)
            or claimed not in (None, part.checksum)
        ):
            raise error(
                "InvalidPart",
                "One or more of the specified parts could not be found. The part may not have been "
                "uploaded, or the specified entity tag may not match the part's entity tag.",
                UploadId=upload.id,
                PartNumber=str(number),
                ETag=etag,
            )
        chosen.append(part)
    for part in chosen[:-1]:
        if part.size < PART_BYTES_MIN:
            raise error(
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
                ProposedSize=str(part.size),
                MinSizeAllowed=str(PART_BYTES_MIN),
                PartNumber=str(part.number),
                ETag=part.etag,
            )
    return tuple(chosen)


def _join(room: Room, writer: BlobWriter, plan: _Plan) -> tuple[Blob, Checksum]:
    """One blob of all parts, and its checksum. Blocking."""
    algorithm = algorithm_of(plan.upload) or USUAL
    kind = plan.upload.checksum_kind or FULL_OBJECT
    running = algorithm.begin() if kind == FULL_OBJECT else None
    for part in plan.parts:
        with room.storage.blobs.path(part.digest).open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                writer.write(piece)
                if running is not None:
                    running.update(piece)
    values = [part.checksum for part in plan.parts if part.checksum is not None]
    value = composite(algorithm, values) if running is None else text(running.digest())
    return writer.commit(), Checksum(algorithm.name, value, kind)


def _check_claims(call: S3Call, upload: Upload, blob: Blob, checksum: Checksum) -> None:
    size = call.params.get("MpuObjectSize")
    if size not in (None, blob.size):
        raise invalid_request(
            f"The provided 'x-amz-mp-object-size' header value {size} does not match what was "
            f"computed: {blob.size}"
        )
    kind = call.params.get("ChecksumType")
    if kind not in (None, upload.checksum_kind):
        raise invalid_request(
            f"The upload was created using the {upload.checksum_kind} checksum mode. The complete "
            "request must use the same checksum mode."
        )
    for algorithm in ALGORITHMS.values():
        claimed = call.params.get(algorithm.member)
        if claimed is None:
            continue
        if checksum.algorithm != algorithm.name:
            raise invalid_request(
                f"The upload was not created using the {algorithm.name.lower()} checksum algorithm."
            )
        if claimed.partition("-")[0] != checksum.value.partition("-")[0]:
            raise error(
                "BadDigest",
                f"The {algorithm.name} you specified did not match the calculated checksum.",
            )


def _etag(parts: Sequence[Part]) -> str:
    joined = b"".join(bytes.fromhex(part.etag) for part in parts)
    return f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(parts)}"
