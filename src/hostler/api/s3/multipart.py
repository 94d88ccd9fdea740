"""Multipart uploads: begin, add parts, look, give up.

Invariant: a part is acknowledged when its bytes are durable and its row is written; an upload that
has ended takes none.
"""

from typing import Any
from uuid import uuid4

from hostler.api.s3 import checksums, describe, naming, tagging
from hostler.api.s3.call import Reply, Room, S3Call
from hostler.api.s3.checksums import ALGORITHMS, Algorithm
from hostler.api.s3.errors import (
    invalid_argument,
    invalid_request,
    no_such_upload,
)
from hostler.api.s3.guard import bucket_of
from hostler.api.s3.incoming import Received, claims, receive
from hostler.api.s3.listing import encoding, max_of
from hostler.store import upload_pages, uploads
from hostler.store.database import Transaction
from hostler.store.upload_pages import UploadPage
from hostler.store.uploads import Part, Upload

PARTS_MAX = 10_000
PAGE_MAX = 1000


async def create_multipart_upload(room: Room, call: S3Call) -> Reply:
    """Begin: what the object will carry is said now."""
    naming.check_key(call.key)
    params = call.params
    algorithm, kind = _checksum_asked(params.get("ChecksumAlgorithm"), params.get("ChecksumType"))
    upload = Upload(
        id=f"{uuid4().hex}{uuid4().hex}",
        bucket=call.bucket,
        key=call.key,
        initiator=call.principal.arn,
        created=call.now,
        headers=describe.headers_of(call),
        metadata=describe.metadata_of(params),
        tags=tagging.of_header(params.get("Tagging")),
        checksum_algorithm=algorithm.name if algorithm else None,
        checksum_kind=kind,
    )

    def create(tx: Transaction) -> None:
        bucket_of(tx, call.asked, call.bucket, params.get("ExpectedBucketOwner"))
        uploads.create(tx, upload)

    await room.store.write(create)
    return Reply(
        {
            "Bucket": call.bucket,
            "Key": call.key,
            "UploadId": upload.id,
            "ChecksumAlgorithm": upload.checksum_algorithm,
            "ChecksumType": upload.checksum_kind,
            "ServerSideEncryption": upload.headers.get("ServerSideEncryption"),
        }
    )


def _checksum_asked(name: str | None, kind: str | None) -> tuple[Algorithm | None, str | None]:
    if name is None:
        if kind is not None:
            raise invalid_request(
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm "
                "header."
            )
        return None, None
    algorithm = checksums.named(name)
    kind = kind or algorithm.kinds[0]
    if kind not in algorithm.kinds:
        raise invalid_request(
            f"The {kind} checksum type cannot be used with the {algorithm.name.lower()} checksum "
            "algorithm."
        )
    return algorithm, kind


def algorithm_of(upload: Upload) -> Algorithm | None:
    """The checksum that the upload's parts carry."""
    return ALGORITHMS[upload.checksum_algorithm] if upload.checksum_algorithm else None


def checksum_members(upload: Upload, value: str | None) -> dict[str, Any]:
    """A part's checksum as a member."""
    algorithm = algorithm_of(upload)
    return {algorithm.member: value} if algorithm is not None and value is not None else {}


def upload_of(tx: Transaction, call: S3Call) -> Upload:
    """The upload under way that a call names; raises CallerError."""
    bucket_of(tx, call.asked, call.bucket, call.params.get("ExpectedBucketOwner"))
    upload = uploads.get(tx, call.params["UploadId"])
    if upload is None or (upload.bucket, upload.key) != (call.bucket, call.key):
        raise no_such_upload(call.params["UploadId"])
    return upload


async def open_upload(room: Room, call: S3Call) -> Upload:
    """The upload that a part is for; the part's number is checked too."""
    number = call.params["PartNumber"]
    if not 1 <= number <= PARTS_MAX:
        raise invalid_argument(
            f"Part number must be an integer between 1 and {PARTS_MAX}, inclusive",
            "partNumber",
            str(number),
        )
    return await room.store.read(lambda tx: upload_of(tx, call))


async def upload_part(room: Room, call: S3Call) -> Reply:
    """Store one part."""
    claimed = claims(call.request.header, call.payload_hash)
    upload = await open_upload(room, call)
    algorithm = algorithm_of(upload)
    if claimed.algorithm is not None and algorithm not in (None, claimed.algorithm):
        assert algorithm is not None
        raise invalid_request(
            "Checksum Type mismatch occurred, expected checksum Type: "
            f"{algorithm.name.lower()}, actual checksum Type: {claimed.algorithm.name.lower()}"
        )
    async with room.storage.writing() as writer:
        received = await receive(
            room.storage, writer, call.body, claimed, chunked=call.chunked, also=algorithm
        )
        part = await add_part(room, call, received)
    members: dict[str, Any] = {"ETag": describe.quoted(part.etag)}
    shown = claimed.algorithm or algorithm
    if shown is not None:
        members[shown.member] = received.checksum
    return Reply(members)


async def add_part(room: Room, call: S3Call, received: Received) -> Part:
    """Write a part's row, if its upload is still under way."""

    def add(tx: Transaction) -> Part:
        upload = upload_of(tx, call)
        part = Part(
            upload_id=upload.id,
            number=call.params["PartNumber"],
            size=received.blob.size,
            digest=received.blob.digest,
            etag=received.md5.hex(),
            modified=room.clock.now(),
            checksum=received.checksum if upload.checksum_algorithm else None,
        )
        uploads.put_part(tx, part)
        return part

    return await room.store.write(add)


async def abort_multipart_upload(room: Room, call: S3Call) -> Reply:
    """Give an upload up, with its parts."""

    def abort(tx: Transaction) -> None:
        uploads.end(tx, upload_of(tx, call).id, call.now)

    await room.store.write(abort, deletes=True)
    return Reply()


async def list_parts(room: Room, call: S3Call) -> Reply:
    """The parts that have been stored."""
    params = call.params
    limit = max_of(params, "MaxParts", "max-parts", PAGE_MAX)
    after = params.get("PartNumberMarker", 0)

    def read(tx: Transaction) -> tuple[Upload, list[Part]]:
        upload = upload_of(tx, call)
        return upload, uploads.parts(tx, upload.id, after=after)

    upload, found = await room.store.read(read)
    shown = found[:limit]
    members = {
        "Bucket": call.bucket,
        "Key": call.key,
        "UploadId": upload.id,
        "PartNumberMarker": after,
        "NextPartNumberMarker": shown[-1].number if shown else None,
        "MaxParts": limit,
        "IsTruncated": len(found) > len(shown),
        "Parts": [
            {
                "PartNumber": part.number,
                "LastModified": part.modified,
                "ETag": describe.quoted(part.etag),
                "Size": part.size,
                **checksum_members(upload, part.checksum),
            }
            for part in shown
        ],
        "Initiator": {"ID": upload.initiator},
        "Owner": {"ID": naming.canonical_id(call.asked.owner(call.bucket))},
        "StorageClass": "STANDARD",
        "ChecksumAlgorithm": upload.checksum_algorithm,
        "ChecksumType": upload.checksum_kind,
    }
    return Reply(members)


async def list_multipart_uploads(room: Room, call: S3Call) -> Reply:
    """The uploads under way in a bucket."""
    params = call.params
    limit = max_of(params, "MaxUploads", "max-uploads", PAGE_MAX)
    prefix, delimiter = params.get("Prefix", ""), params.get("Delimiter", "")
    marker, id_marker = params.get("KeyMarker", ""), params.get("UploadIdMarker", "")
    encode = encoding(params)

    def read(tx: Transaction) -> UploadPage:
        bucket_of(tx, call.asked, call.bucket, params.get("ExpectedBucketOwner"))
        return upload_pages.page(
            tx,
            call.bucket,
            prefix=prefix,
            delimiter=delimiter,
            after=(marker, id_marker),
            limit=limit,
        )

    page = await room.store.read(read)
    following = page.last if page.truncated else None
    return Reply(
        {
            "Bucket": call.bucket,
            "KeyMarker": encode(marker),
            "UploadIdMarker": id_marker,
            "NextKeyMarker": encode(following.key) if following else None,
            "NextUploadIdMarker": following.id if following else None,
            "Prefix": encode(prefix),
            "Delimiter": encode(delimiter) if delimiter else None,
            "MaxUploads": limit,
            "IsTruncated": page.truncated,
            "EncodingType": params.get("EncodingType"),
            "Uploads": [_shown(call, upload, encode(upload.key)) for upload in page.uploads],
            "CommonPrefixes": [{"Prefix": encode(shared)} for shared in page.prefixes],
        }
    )


def _shown(call: S3Call, upload: Upload, key: str) -> dict[str, Any]:
    return {
        "UploadId": upload.id,
        "Key": key,
        "Initiated": upload.created,
        "StorageClass": "STANDARD",
        "Owner": {"ID": naming.canonical_id(call.asked.owner(call.bucket))},
        "Initiator": {"ID": upload.initiator},
        "ChecksumAlgorithm": upload.checksum_algorithm,
        "ChecksumType": upload.checksum_kind,
    }
