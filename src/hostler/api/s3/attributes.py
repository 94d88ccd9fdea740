"""GetObjectAttributes: what is known of an object, without its bytes.

Invariant: only what was asked for is told.
"""

from typing import Any

from hostler.api.s3 import access, describe
from hostler.api.s3.call import Reply, Room, S3Call
from hostler.api.s3.checksums import ALGORITHMS
from hostler.api.s3.errors import invalid_argument
from hostler.api.s3.finding import find
from hostler.api.s3.listing import max_of
from hostler.store.objects import StoredObject

KNOWN = ("ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize")
PAGE_MAX = 1000


async def get_object_attributes(room: Room, call: S3Call) -> Reply:
    """The attributes that the caller names."""
    asked = [name.strip() for name in call.params["ObjectAttributes"]]
    for name in asked:
        if name not in KNOWN:
            raise invalid_argument(
                "Invalid attribute name specified.", "x-amz-object-attributes", name
            )
    need = access.reading(call.bucket, call.key, call.params.get("VersionId"))
    await room.guard.admit(call.asked, [need])
    found = await find(room, call)
    stored = found.stored
    known: dict[str, Any] = {
        "ETag": stored.etag,
        "Checksum": describe.checksum_members(stored.checksum) or None,
        "ObjectParts": _parts(call, stored) if stored.parts else None,
        "StorageClass": "STANDARD",
        "ObjectSize": stored.size,
    }
    members = {name: value for name, value in known.items() if name in asked}
    told = {"LastModified": stored.modified, "VersionId": found.told}
    return Reply({**told, **members})


def _parts(call: S3Call, stored: StoredObject) -> dict[str, Any]:
    limit = max_of(call.params, "MaxParts", "max-parts", PAGE_MAX)
    after = call.params.get("PartNumberMarker", 0)
    following = [part for part in stored.parts if part.number > after]
    shown = following[:limit]
    told: dict[str, Any] = {"TotalPartsCount": len(stored.parts)}
    if stored.checksum is not None and any(part.checksum for part in stored.parts):
        member = ALGORITHMS[stored.checksum.algorithm].member
        told |= {
            "PartNumberMarker": after,
            "NextPartNumberMarker": shown[-1].number if shown else 0,
            "MaxParts": limit,
            "IsTruncated": len(following) > len(shown),
            "Parts": [
                {"PartNumber": part.number, "Size": part.size, member: part.checksum}
                for part in shown
            ],
        }
    return told
