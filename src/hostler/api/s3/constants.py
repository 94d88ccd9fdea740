"""What every bucket and object here is, and cannot be otherwise: private, and its owner's.

Invariant: nothing is stored. A bucket is told as AWS tells a new one of its defaults; a setting is
accepted where it asks for what is so already, and refused by name where it asks for anything else.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
"""

from typing import Any

from hostler.api.s3 import naming
from hostler.api.s3.call import Handler, Reply, Room, S3Call
from hostler.api.s3.errors import error, malformed_xml, not_implemented
from hostler.api.s3.finding import find
from hostler.api.s3.guard import bucket_of

_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


async def _check(room: Room, call: S3Call) -> None:
    expected = call.params.get("ExpectedBucketOwner")
    await room.store.read(lambda tx: bucket_of(tx, call.asked, call.bucket, expected))


def _told(members: dict[str, Any]) -> Handler:
    """An operation that tells this of every bucket."""

    async def tell(room: Room, call: S3Call) -> Reply:
        await _check(room, call)
        return Reply(members)

    return tell


def _absent(code: str, message: str) -> Handler:
    """An operation that tells of every bucket that it has no such thing."""

    async def tell(room: Room, call: S3Call) -> Reply:
        await _check(room, call)
        raise error(code, message, BucketName=call.bucket)

    return tell


get_public_access_block = _told(
    {"PublicAccessBlockConfiguration": dict.fromkeys(_BLOCKS, True)},
)
get_bucket_encryption = _told(
    {
        "ServerSideEncryptionConfiguration": {
            "Rules": [
                {
                    "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
                    "BucketKeyEnabled": False,
                }
            ]
        }
    }
)
get_bucket_ownership_controls = _told(
    {"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}}
)
get_bucket_request_payment = _told({"Payer": "BucketOwner"})
get_bucket_logging = _told({})
get_bucket_accelerate_configuration = _told({})
get_bucket_notification_configuration = _told({})
get_bucket_cors = _absent("NoSuchCORSConfiguration", "The CORS configuration does not exist")
get_bucket_website = _absent(
    "NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"
)
get_bucket_lifecycle_configuration = _absent(
    "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"
)
get_bucket_replication = _absent(
    "ReplicationConfigurationNotFoundError", "The replication configuration was not found"
)
get_object_lock_configuration = _absent(
    "ObjectLockConfigurationNotFoundError",
    "Object Lock configuration does not exist for this bucket",
)


async def get_bucket_acl(room: Room, call: S3Call) -> Reply:
    """The owner may do everything, and nobody else anything."""
    await _check(room, call)
    return _acl(call)


async def get_object_acl(room: Room, call: S3Call) -> Reply:
    """The same, of an object that is there."""
    await find(room, call)
    return _acl(call)


def _acl(call: S3Call) -> Reply:
    owner = naming.canonical_id(call.asked.owner(call.bucket))
    grant = {"Grantee": {"ID": owner, "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}
    return Reply({"Owner": {"ID": owner}, "Grants": [grant]})


async def put_public_access_block(room: Room, call: S3Call) -> Reply:
    """All four blocks are always on."""
    asked = call.params.get("PublicAccessBlockConfiguration")
    if asked is None:
        raise malformed_xml()
    for name in _BLOCKS:
        if asked.get(name) is not True:
            raise not_implemented(f"{name} cannot be off: nothing is public in Hostler's S3.")
    await _check(room, call)
    return Reply()


async def put_bucket_encryption(room: Room, call: S3Call) -> Reply:
    """AES256 is told, and is the disk's."""
    asked = call.params.get("ServerSideEncryptionConfiguration") or {}
    if len(asked.get("Rules") or ()) != 1:
        raise malformed_xml()
    await _check(room, call)
    return Reply()


async def put_bucket_ownership_controls(room: Room, call: S3Call) -> Reply:
    """The bucket's owner owns every object."""
    asked = call.params.get("OwnershipControls") or {}
    if len(asked.get("Rules") or ()) != 1:
        raise malformed_xml()
    await _check(room, call)
    return Reply()
