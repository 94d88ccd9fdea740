"""Tags on objects and on buckets.

Invariant: at most ten (fifty), with distinct keys, whichever way they came.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html
"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from hostler.api.s3 import finding
from hostler.api.s3.call import Reply, Room, S3Call
from hostler.api.s3.errors import error, invalid_argument, malformed_xml
from hostler.api.s3.finding import Found, Wanted
from hostler.api.s3.guard import bucket_of
from hostler.store import object_versions, objects
from hostler.store.database import Transaction

TAGS_MAX = 10
BUCKET_TAGS_MAX = 50
_SETTING = "tagging"
KEY_MAX = 128
VALUE_MAX = 256


def of_header(header: str | None) -> Mapping[str, str]:
    """The tags of x-amz-tagging: written as a query string."""
    if not header:
        return {}
    pairs: list[tuple[str, str]] | None
    try:
        pairs = parse_qsl(header, keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        pairs = None
    if pairs is None or len(dict(pairs)) < len(pairs):
        raise invalid_argument(
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query "
            "parameters without tag name duplicates.",
            "x-amz-tagging",
            header,
        )
    return checked(pairs, TAGS_MAX)


def of_document(given: Mapping[str, Any] | None) -> Mapping[str, str]:
    """The tags of an object's Tagging document; raises CallerError, also where there is none."""
    if given is None:
        raise malformed_xml()
    return checked(_pairs(given.get("TagSet", ())), TAGS_MAX)


def checked(pairs: Iterable[tuple[str, str]], most: int) -> Mapping[str, str]:
    """Tags that may be set; raises CallerError."""
    tags: dict[str, str] = {}
    for key, value in pairs:
        if not 1 <= len(key) <= KEY_MAX:
            raise error("InvalidTag", "The TagKey you have provided is invalid", TagKey=key)
        if len(value) > VALUE_MAX:
            raise error("InvalidTag", "The TagValue you have provided is invalid", TagValue=value)
        if key in tags:
            raise error("InvalidTag", "Cannot provide multiple Tags with the same key", TagKey=key)
        if key.lower().startswith("aws:"):
            raise error("InvalidTag", "System tags cannot be added/updated by requester")
        tags[key] = value
    if len(tags) > most:
        what = "Object" if most == TAGS_MAX else "Bucket"
        raise error("BadRequest", f"{what} tags cannot be greater than {most}")
    return tags


async def get_object_tagging(room: Room, call: S3Call) -> Reply:
    """An object's tags."""
    found = await finding.find(room, call)
    return Reply({"TagSet": shown(found.stored.tags), "VersionId": found.told})


async def put_object_tagging(room: Room, call: S3Call) -> Reply:
    """Replace an object's tags."""
    return await _replace(room, call, of_document(call.params.get("Tagging")))


async def delete_object_tagging(room: Room, call: S3Call) -> Reply:
    """Remove an object's tags."""
    return await _replace(room, call, {})


async def _replace(room: Room, call: S3Call, tags: Mapping[str, str]) -> Reply:
    wanted = Wanted(call.bucket, call.key, finding.version_id_of(call.params))
    owner = call.params.get("ExpectedBucketOwner")

    def write(tx: Transaction) -> Found:
        found = finding.lookup(tx, room, call, wanted, owner)
        object_versions.set_tags(tx, found.stored, tags)
        return found

    return Reply({"VersionId": (await room.store.write(write)).told})


async def get_bucket_tagging(room: Room, call: S3Call) -> Reply:
    """A bucket's tags."""

    def read(tx: Transaction) -> Mapping[str, str]:
        bucket_of(tx, call.asked, call.bucket, call.params.get("ExpectedBucketOwner"))
        return objects.setting(tx, call.bucket, _SETTING) or {}

    tags = await room.store.read(read)
    if not tags:
        raise error("NoSuchTagSet", "The TagSet does not exist", BucketName=call.bucket)
    return Reply({"TagSet": shown(tags)})


async def put_bucket_tagging(room: Room, call: S3Call) -> Reply:
    """Replace a bucket's tags."""
    given = call.params.get("Tagging")
    if given is None:
        raise malformed_xml()
    await _set(room, call, checked(_pairs(given.get("TagSet", ())), BUCKET_TAGS_MAX))
    return Reply(status=204)


async def delete_bucket_tagging(room: Room, call: S3Call) -> Reply:
    """Remove a bucket's tags."""
    await _set(room, call, {})
    return Reply()


async def _set(room: Room, call: S3Call, tags: Mapping[str, str]) -> None:
    def write(tx: Transaction) -> None:
        bucket_of(tx, call.asked, call.bucket, call.params.get("ExpectedBucketOwner"))
        set_on_bucket(tx, call.bucket, tags)

    await room.store.write(write)


def of_new_bucket(configuration: Mapping[str, Any]) -> Mapping[str, str]:
    """The tags that a bucket is to be created with."""
    return checked(_pairs(configuration.get("Tags", ())), BUCKET_TAGS_MAX)


def set_on_bucket(tx: Transaction, bucket: str, tags: Mapping[str, str]) -> None:
    """Make these a bucket's only tags."""
    objects.set_setting(tx, bucket, _SETTING, dict(tags) or None)


def shown(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as members of an answer."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _pairs(tags: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    return [(tag.get("Key", ""), tag.get("Value", "")) for tag in tags]
