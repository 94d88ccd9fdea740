"""Whether a bucket keeps versions, and the list of them.

Invariant: a bucket that has once kept versions never forgets those it has, whatever its state.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html
"""

from typing import Any

from hostler.api.s3 import finding, naming
from hostler.api.s3.call import Reply, Room, S3Call
from hostler.api.s3.errors import invalid_argument, malformed_xml
from hostler.api.s3.guard import bucket_of
from hostler.api.s3.listing import KEYS_MAX, Encode, encoding, entry, max_of
from hostler.store import object_versions, version_pages
from hostler.store.database import Transaction
from hostler.store.object_versions import DeleteMarker, Versioning
from hostler.store.version_pages import Listed, VersionPage


async def get_bucket_versioning(room: Room, call: S3Call) -> Reply:
    """The bucket's state; nothing where it never kept versions."""

    def read(tx: Transaction) -> Versioning | None:
        bucket_of(tx, call.asked, call.bucket, call.params.get("ExpectedBucketOwner"))
        return object_versions.versioning(tx, call.bucket)

    return Reply({"Status": await room.store.read(read)})


async def put_bucket_versioning(room: Room, call: S3Call) -> Reply:
    """Keep versions from now on, or keep no new ones."""
    asked = (call.params.get("VersioningConfiguration") or {}).get("Status")
    if asked not in tuple(Versioning):
        raise malformed_xml()

    def write(tx: Transaction) -> None:
        bucket_of(tx, call.asked, call.bucket, call.params.get("ExpectedBucketOwner"))
        object_versions.set_versioning(tx, call.bucket, Versioning(asked))

    await room.store.write(write)
    return Reply()


async def list_object_versions(room: Room, call: S3Call) -> Reply:
    """Every version and delete marker, by key, the newest first."""
    params = call.params
    marker, of_version = params.get("KeyMarker", ""), params.get("VersionIdMarker") or None
    if of_version is not None:
        if not marker:
            raise invalid_argument(
                "A version-id marker cannot be specified without a key marker.",
                "version-id-marker",
                of_version,
            )
        finding.checked(of_version, "version-id-marker")
    limit = max_of(params, "MaxKeys", "max-keys", KEYS_MAX)
    prefix, delimiter = params.get("Prefix", ""), params.get("Delimiter", "")

    def read(tx: Transaction) -> VersionPage:
        bucket_of(tx, call.asked, call.bucket, params.get("ExpectedBucketOwner"))
        return version_pages.page(
            tx,
            call.bucket,
            prefix=prefix,
            delimiter=delimiter,
            after=(marker, of_version),
            limit=limit,
        )

    page = await room.store.read(read)
    encode = encoding(params)
    next_key, next_version = page.last if page.truncated and page.last else (None, None)
    shown = [_shown(call, listed, encode) for listed in page.listed]
    return Reply(
        {
            "Name": call.bucket,
            "Prefix": encode(prefix),
            "Delimiter": encode(delimiter) if delimiter else None,
            "KeyMarker": encode(marker),
            "VersionIdMarker": of_version or "",
            "NextKeyMarker": None if next_key is None else encode(next_key),
            "NextVersionIdMarker": next_version,
            "MaxKeys": limit,
            "EncodingType": params.get("EncodingType"),
            "IsTruncated": page.truncated,
            "Versions": [members for is_marker, members in shown if not is_marker],
            "DeleteMarkers": [members for is_marker, members in shown if is_marker],
            "CommonPrefixes": [{"Prefix": encode(shared)} for shared in page.prefixes],
        }
    )


def _shown(call: S3Call, listed: Listed, encode: Encode) -> tuple[bool, dict[str, Any]]:
    version = listed.version
    told = {"VersionId": version.version_id, "IsLatest": listed.is_newest}
    if isinstance(version, DeleteMarker):
        owner = {"ID": naming.canonical_id(call.asked.owner(call.bucket))}
        marker = {"Key": encode(version.key), "LastModified": version.modified, "Owner": owner}
        return True, {**marker, **told}
    return False, {**entry(call, version, encode, owner=True), **told}
