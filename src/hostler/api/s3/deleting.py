"""DeleteObject and DeleteObjects.

Invariant: what is not there is as good as deleted; where the bucket keeps versions a key is deleted
by a marker, and only who names a version deletes it for good.
"""

from typing import Any

from hostler.api.s3 import access, conditions
from hostler.api.s3.call import Reply, Room, S3Call
from hostler.api.s3.errors import error, malformed_xml
from hostler.api.s3.finding import checked, version_id_of
from hostler.api.s3.guard import bucket_of
from hostler.api.s3.incoming import claims
from hostler.domain.errors import CallerError
from hostler.store import object_versions, objects
from hostler.store.database import Transaction
from hostler.store.object_versions import DeleteMarker

BATCH_MAX = 1000


async def delete_object(room: Room, call: S3Call) -> Reply:
    """Remove an object, or one version of it; one that is not there is as good as removed."""
    version_id = version_id_of(call.params)
    condition = call.params.get("IfMatch")

    def remove(tx: Transaction) -> dict[str, Any]:
        bucket_of(tx, call.asked, call.bucket, call.params.get("ExpectedBucketOwner"))
        return _remove(tx, call, call.key, version_id, condition)

    outcome = await room.store.write(remove, deletes=True)
    return Reply(
        {
            "DeleteMarker": outcome.get("DeleteMarker"),
            "VersionId": outcome.get("DeleteMarkerVersionId") or outcome.get("VersionId"),
        }
    )


async def delete_objects(room: Room, call: S3Call) -> Reply:
    """Remove up to a thousand objects in one transaction; each has its own outcome."""
    header = call.request.header
    if "content-md5" not in header and claims(header, call.payload_hash).algorithm is None:
        raise error(
            "InvalidRequest",
            "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
        )
    asked = (call.params.get("Delete") or {}).get("Objects") or []
    if not 1 <= len(asked) <= BATCH_MAX:
        raise malformed_xml()
    quiet = bool(call.params["Delete"].get("Quiet"))

    def remove(tx: Transaction) -> list[dict[str, Any] | CallerError]:
        bucket_of(tx, call.asked, call.bucket, call.params.get("ExpectedBucketOwner"))
        return [_remove_one(room, call, tx, item) for item in asked]

    outcomes = await room.store.write(remove, deletes=True)
    errors: list[dict[str, Any]] = []
    deleted: list[dict[str, Any]] = []
    for item, outcome in zip(asked, outcomes, strict=True):
        named = {"Key": item["Key"], "VersionId": item.get("VersionId")}
        if isinstance(outcome, CallerError):
            errors.append({**named, "Code": outcome.code, "Message": outcome.message})
        elif not quiet:
            deleted.append({**named, **outcome})
    return Reply({"Deleted": deleted, "Errors": errors})


def _remove_one(
    room: Room, call: S3Call, tx: Transaction, item: dict[str, Any]
) -> dict[str, Any] | CallerError:
    key, version_id = item.get("Key"), item.get("VersionId") or None
    if not key:
        raise malformed_xml()
    try:
        need = access.deleting(call.bucket, key, version_id, item.get("ETag"))
        room.guard.require(call.asked, need)
        if version_id is not None:
            checked(version_id)
        return _remove(tx, call, key, version_id, item.get("ETag"))
    except CallerError as refusal:
        return refusal


def _remove(
    tx: Transaction, call: S3Call, key: str, version_id: str | None, etag: str | None
) -> dict[str, Any]:
    """What happened, as a member of DeleteObjects' answer."""
    if etag:
        conditions.for_write(objects.lookup(tx, call.bucket, key), key, {"IfMatch": etag})
    if version_id is not None:
        removed = object_versions.remove_version(tx, call.bucket, key, version_id, call.now)
        outcome: dict[str, Any] = {"VersionId": version_id}
        if isinstance(removed, DeleteMarker):
            outcome |= {"DeleteMarker": True, "DeleteMarkerVersionId": version_id}
        return outcome
    marker = object_versions.remove(tx, call.bucket, key, call.now)
    if marker is None:
        return {}
    return {"DeleteMarker": True, "DeleteMarkerVersionId": marker.version_id}
