"""Operations on buckets.

Invariant: a bucket goes only when, in the same transaction, it is seen to be empty.
"""

from typing import Any

from hostler.api import places
from hostler.api.s3 import naming, tagging
from hostler.api.s3.call import Reply, Room, S3Call
from hostler.api.s3.errors import error, invalid_argument
from hostler.api.s3.guard import bucket_of
from hostler.domain.errors import CallerError
from hostler.domain.ids import REGION_PATTERN
from hostler.store import object_versions, objects, uploads
from hostler.store.database import Transaction
from hostler.store.objects import Bucket

BUCKETS_MAX = 10_000
UNCONSTRAINED = "us-east-1"
"""Its buckets have no location constraint, and any constraint may be asked for there."""
_LEGACY_LOCATIONS = {"EU": "eu-west-1"}


async def list_buckets(room: Room, call: S3Call) -> Reply:
    """The buckets of the caller's account."""
    params = call.params
    limit = params.get("MaxBuckets", BUCKETS_MAX)
    if not 1 <= limit <= BUCKETS_MAX:
        raise invalid_argument(
            f"Argument max-buckets must be an integer between 1 and {BUCKETS_MAX}",
            "max-buckets",
            str(limit),
        )
    prefix, region = params.get("Prefix", ""), params.get("BucketRegion")
    after = _after(params["ContinuationToken"]) if params.get("ContinuationToken") else ""
    owned = await room.store.read(lambda tx: objects.buckets(tx, call.principal.account))
    found = [
        bucket
        for bucket in owned
        if bucket.name.startswith(prefix)
        and bucket.name > after
        and region in (None, bucket.region)
    ]
    shown = found[:limit]
    members: dict[str, Any] = {
        "Buckets": [
            {
                "Name": bucket.name,
                "CreationDate": bucket.created,
                **({"BucketRegion": bucket.region} if _is_paged(params) else {}),
            }
            for bucket in shown
        ],
        "Owner": {"ID": naming.canonical_id(call.principal.account)},
        "Prefix": prefix or None,
    }
    if len(found) > limit:
        members["ContinuationToken"] = places.token(shown[-1].name)
    return Reply(members)


def _is_paged(params: Any) -> bool:
    """The plain, older form of the call does not tell regions."""
    return any(params.get(name) for name in ("MaxBuckets", "Prefix", "BucketRegion"))


def _after(token: str) -> str:
    try:
        return places.read(token)
    except ValueError:
        raise invalid_argument(
            "The continuation token provided is incorrect", "continuation-token", token
        ) from None


async def create_bucket(room: Room, call: S3Call) -> Reply:
    """A new bucket; in us-east-1 an own one may be created again, elsewhere that is an error."""
    name = call.bucket
    naming.check_bucket(name)
    region = _region(call)
    made = Bucket(name, call.principal.account, region, call.now)
    tags = tagging.of_new_bucket(call.params.get("CreateBucketConfiguration") or {})

    def create(tx: Transaction) -> Bucket | None:
        if not objects.create_bucket(tx, made):
            return objects.bucket(tx, name)
        tagging.set_on_bucket(tx, name, tags)
        return None

    existing = await room.store.write(create)
    if existing is not None:
        _refuse_taken(existing, made)
    return Reply({"Location": f"/{name}"})


def _refuse_taken(existing: Bucket, asked: Bucket) -> None:
    if existing.account != asked.account:
        raise error(
            "BucketAlreadyExists",
            "The requested bucket name is not available. The bucket namespace is shared by all "
            "users of the system. Please select a different name and try again.",
            BucketName=asked.name,
        )
    if (existing.region, asked.region) != (UNCONSTRAINED, UNCONSTRAINED):
        raise error(
            "BucketAlreadyOwnedByYou",
            "Your previous request to create the named bucket succeeded and you already own it.",
            BucketName=asked.name,
        )


def _region(call: S3Call) -> str:
    configuration = call.params.get("CreateBucketConfiguration") or {}
    asked: str | None = configuration.get("LocationConstraint") or None
    if asked is None:
        if call.region != UNCONSTRAINED:
            raise _incompatible("unspecified")
        return UNCONSTRAINED
    region = _LEGACY_LOCATIONS.get(asked, asked)
    if REGION_PATTERN.fullmatch(region) is None or region == UNCONSTRAINED:
        raise error(
            "InvalidLocationConstraint",
            "The specified location-constraint is not valid",
            LocationConstraint=asked,
        )
    if call.region not in (UNCONSTRAINED, region):
        raise _incompatible(asked)
    return region


def _incompatible(constraint: str) -> CallerError:
    return error(
        "IllegalLocationConstraintException",
        f"The {constraint} location constraint is incompatible for the region specific endpoint "
        "this request was sent to.",
    )


async def head_bucket(room: Room, call: S3Call) -> Reply:
    """Whether the bucket is there and ours."""
    bucket = await _bucket(room, call)
    return Reply({"BucketRegion": bucket.region, "AccessPointAlias": False})


async def get_bucket_location(room: Room, call: S3Call) -> Reply:
    """The bucket's region; nothing for us-east-1."""
    bucket = await _bucket(room, call)
    return Reply({"LocationConstraint": None if bucket.region == UNCONSTRAINED else bucket.region})


async def delete_bucket(room: Room, call: S3Call) -> Reply:
    """Remove an empty bucket, and the uploads under way in it."""

    def remove(tx: Transaction) -> None:
        bucket_of(tx, call.asked, call.bucket, call.params.get("ExpectedBucketOwner"))
        if not object_versions.is_empty(tx, call.bucket):
            kept = objects.is_empty(tx, call.bucket)
            what = ". You must delete all versions in the bucket." if kept else ""
            raise error(
                "BucketNotEmpty",
                f"The bucket you tried to delete is not empty{what}",
                BucketName=call.bucket,
            )
        uploads.end_all(tx, call.bucket, call.now)
        objects.delete_bucket(tx, call.bucket)

    await room.store.write(remove, deletes=True)
    return Reply()


async def _bucket(room: Room, call: S3Call) -> Bucket:
    expected = call.params.get("ExpectedBucketOwner")
    return await room.store.read(lambda tx: bucket_of(tx, call.asked, call.bucket, expected))
