"""ListObjects in both versions.

Invariant: following the markers from page to page shows every key that stays there exactly once, in
the order of the keys' bytes.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from hostler.api import places
from hostler.api.s3 import naming
from hostler.api.s3.call import Reply, Room, S3Call
from hostler.api.s3.errors import invalid_argument
from hostler.api.s3.guard import bucket_of
from hostler.store import object_pages
from hostler.store.database import Transaction
from hostler.store.object_pages import Page
from hostler.store.objects import StoredObject

KEYS_MAX = 1000

Encode = Callable[[str], str]


async def list_objects(room: Room, call: S3Call) -> Reply:
    """The first version: the marker is a key, or a common prefix."""
    params = call.params
    page = await _page(room, call, params.get("Marker", ""))
    encode = encoding(params)
    members = _members(call, page, encode)
    members["Marker"] = encode(params.get("Marker", ""))
    if page.truncated and params.get("Delimiter") and page.last is not None:
        members["NextMarker"] = encode(page.last)
    return Reply(members)


async def list_objects_v2(room: Room, call: S3Call) -> Reply:
    """The second version: the continuation token is ours to read alone."""
    params = call.params
    token = params.get("ContinuationToken")
    after = params.get("StartAfter", "") if token is None else _marker(token)
    page = await _page(room, call, after)
    encode = encoding(params)
    members = _members(call, page, encode, owner=params.get("FetchOwner", False))
    members["KeyCount"] = len(page.objects) + len(page.prefixes)
    members["ContinuationToken"] = token
    if "StartAfter" in params:
        members["StartAfter"] = encode(params["StartAfter"])
    if page.truncated and page.last is not None:
        members["NextContinuationToken"] = _token(page.last)
    return Reply(members)


async def _page(room: Room, call: S3Call, after: str) -> Page:
    params = call.params
    limit = max_of(params, "MaxKeys", "max-keys", KEYS_MAX)

    def read(tx: Transaction) -> Page:
        bucket_of(tx, call.asked, call.bucket, params.get("ExpectedBucketOwner"))
        return object_pages.page(
            tx,
            call.bucket,
            prefix=params.get("Prefix", ""),
            delimiter=params.get("Delimiter", ""),
            after=after,
            limit=limit,
        )

    return await room.store.read(read)


def max_of(params: Mapping[str, Any], member: str, argument: str, most: int) -> int:
    """A page limit: at most what S3 allows, refused below zero."""
    asked = int(params.get(member, most))
    if asked < 0:
        raise invalid_argument(
            f"Argument {argument} must be an integer between 0 and 2147483647",
            argument,
            str(asked),
        )
    return min(asked, most)


def encoding(params: Mapping[str, Any]) -> Encode:
    """How keys are written: as they are, or percent-encoded where the caller asks for it."""
    match params.get("EncodingType"):
        case None:
            return str
        case "url":
            return lambda text: quote(text, safe="/")
        case other:
            raise invalid_argument(
                "Invalid Encoding Method specified in Request", "encoding-type", other
            )


def _members(call: S3Call, page: Page, encode: Encode, *, owner: bool = True) -> dict[str, Any]:
    params = call.params
    return {
        "Name": call.bucket,
        "Prefix": encode(params.get("Prefix", "")),
        "Delimiter": encode(params["Delimiter"]) if params.get("Delimiter") else None,
        "MaxKeys": max_of(params, "MaxKeys", "max-keys", KEYS_MAX),
        "EncodingType": params.get("EncodingType"),
        "IsTruncated": page.truncated,
        "Contents": [entry(call, stored, encode, owner=owner) for stored in page.objects],
        "CommonPrefixes": [{"Prefix": encode(prefix)} for prefix in page.prefixes],
    }


def entry(call: S3Call, stored: StoredObject, encode: Encode, *, owner: bool) -> dict[str, Any]:
    """An object as a member of a list."""
    members: dict[str, Any] = {
        "Key": encode(stored.key),
        "LastModified": stored.modified,
        "ETag": f'"{stored.etag}"',
        "Size": stored.size,
        "StorageClass": "STANDARD",
    }
    if stored.checksum is not None:
        members["ChecksumAlgorithm"] = [stored.checksum.algorithm]
        members["ChecksumType"] = stored.checksum.kind
    if owner:
        members["Owner"] = {"ID": naming.canonical_id(call.asked.owner(call.bucket))}
    return members


def _token(last: str) -> str:
    return "1" + places.token(last)


def _marker(token: str) -> str:
    try:
        version, last = token[:1], places.read(token[1:])
    except ValueError:
        version, last = "", ""
    if version != "1":
        raise invalid_argument(
            "The continuation token provided is incorrect", "continuation-token", token
        )
    return last
