"""What each operation of S3 needs: its actions, on what, with which condition keys.

Invariant: an operation without an entry in ``ACTIONS`` cannot be called.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hostler.api.s3 import keys
from hostler.domain import ids
from hostler.iam.context import Context


class On(StrEnum):
    """What an action is about."""

    ACCOUNT = "account"
    BUCKET = "bucket"
    OBJECT = "object"


ACTIONS: Mapping[str, tuple[str, On]] = {
    "AbortMultipartUpload": ("s3:AbortMultipartUpload", On.OBJECT),
    "CompleteMultipartUpload": ("s3:PutObject", On.OBJECT),
    "CopyObject": ("s3:PutObject", On.OBJECT),
    "CreateBucket": ("s3:CreateBucket", On.BUCKET),
    "CreateMultipartUpload": ("s3:PutObject", On.OBJECT),
    "DeleteBucket": ("s3:DeleteBucket", On.BUCKET),
    "DeleteBucketPolicy": ("s3:DeleteBucketPolicy", On.BUCKET),
    "DeleteBucketTagging": ("s3:PutBucketTagging", On.BUCKET),
    "DeleteObject": ("s3:DeleteObject", On.OBJECT),
    "DeleteObjectTagging": ("s3:DeleteObjectTagging", On.OBJECT),
    "GetBucketAccelerateConfiguration": ("s3:GetAccelerateConfiguration", On.BUCKET),
    "GetBucketAcl": ("s3:GetBucketAcl", On.BUCKET),
    "GetBucketCors": ("s3:GetBucketCORS", On.BUCKET),
    "GetBucketEncryption": ("s3:GetEncryptionConfiguration", On.BUCKET),
    "GetBucketLifecycleConfiguration": ("s3:GetLifecycleConfiguration", On.BUCKET),
    "GetBucketLocation": ("s3:GetBucketLocation", On.BUCKET),
    "GetBucketLogging": ("s3:GetBucketLogging", On.BUCKET),
    "GetBucketNotificationConfiguration": ("s3:GetBucketNotification", On.BUCKET),
    "GetBucketOwnershipControls": ("s3:GetBucketOwnershipControls", On.BUCKET),
    "GetBucketPolicy": ("s3:GetBucketPolicy", On.BUCKET),
    "GetBucketReplication": ("s3:GetReplicationConfiguration", On.BUCKET),
    "GetBucketRequestPayment": ("s3:GetBucketRequestPayment", On.BUCKET),
    "GetBucketTagging": ("s3:GetBucketTagging", On.BUCKET),
    "GetBucketVersioning": ("s3:GetBucketVersioning", On.BUCKET),
    "GetBucketWebsite": ("s3:GetBucketWebsite", On.BUCKET),
    "GetObject": ("s3:GetObject", On.OBJECT),
    "GetObjectAcl": ("s3:GetObjectAcl", On.OBJECT),
    "GetObjectAttributes": ("s3:GetObjectAttributes", On.OBJECT),
    "GetObjectLockConfiguration": ("s3:GetBucketObjectLockConfiguration", On.BUCKET),
    "GetObjectTagging": ("s3:GetObjectTagging", On.OBJECT),
    "GetPublicAccessBlock": ("s3:GetBucketPublicAccessBlock", On.BUCKET),
    "HeadBucket": ("s3:ListBucket", On.BUCKET),
    "HeadObject": ("s3:GetObject", On.OBJECT),
    "ListBuckets": ("s3:ListAllMyBuckets", On.ACCOUNT),
    "ListMultipartUploads": ("s3:ListBucketMultipartUploads", On.BUCKET),
    "ListObjectVersions": ("s3:ListBucketVersions", On.BUCKET),
    "ListObjects": ("s3:ListBucket", On.BUCKET),
    "ListObjectsV2": ("s3:ListBucket", On.BUCKET),
    "ListParts": ("s3:ListMultipartUploadParts", On.OBJECT),
    "PutBucketEncryption": ("s3:PutEncryptionConfiguration", On.BUCKET),
    "PutBucketOwnershipControls": ("s3:PutBucketOwnershipControls", On.BUCKET),
    "PutBucketPolicy": ("s3:PutBucketPolicy", On.BUCKET),
    "PutBucketTagging": ("s3:PutBucketTagging", On.BUCKET),
    "PutBucketVersioning": ("s3:PutBucketVersioning", On.BUCKET),
    "PutObject": ("s3:PutObject", On.OBJECT),
    "PutObjectTagging": ("s3:PutObjectTagging", On.OBJECT),
    "PutPublicAccessBlock": ("s3:PutBucketPublicAccessBlock", On.BUCKET),
    "UploadPart": ("s3:PutObject", On.OBJECT),
    "UploadPartCopy": ("s3:PutObject", On.OBJECT),
}
"""Each operation's own action. DeleteObjects asks for each key; a copy also for its source."""

OF_VERSIONS: Mapping[str, str] = {
    "s3:DeleteObject": "s3:DeleteObjectVersion",
    "s3:DeleteObjectTagging": "s3:DeleteObjectVersionTagging",
    "s3:GetObject": "s3:GetObjectVersion",
    "s3:GetObjectAcl": "s3:GetObjectVersionAcl",
    "s3:GetObjectAttributes": "s3:GetObjectVersionAttributes",
    "s3:GetObjectTagging": "s3:GetObjectVersionTagging",
    "s3:PutObjectTagging": "s3:PutObjectVersionTagging",
}
"""What a call needs instead that names a version."""


@dataclass(frozen=True, slots=True)
class Need:
    """A permission that a call needs."""

    action: str
    bucket: str | None = None
    """None: the account's buckets, whichever they are."""
    key: str | None = None
    """None: the bucket itself."""
    version_id: str | None = None
    upload_id: str | None = None
    context: Context = field(default_factory=dict)
    """The condition keys that are its own."""

    def arn(self, region: str) -> str:
        """What it is on; the region only names the partition."""
        if self.key is not None:
            return ids.object_arn(region, self.bucket or "", self.key)
        return ids.bucket_arn(region, "*" if self.bucket is None else self.bucket)


def needed(operation: str, params: Mapping[str, Any]) -> Iterator[Need]:
    """The permissions of an operation that its own input names.

    Nothing for DeleteObjects: each key is asked for on its own, with its own outcome.
    """
    if operation == "DeleteObjects":
        return
    action, on = ACTIONS[operation]
    bucket, key, version_id = params.get("Bucket"), params.get("Key"), params.get("VersionId")
    if version_id is not None:
        action = OF_VERSIONS.get(action, action)
    own = keys.of_action(action, operation, params)
    match on:
        case On.ACCOUNT:
            yield Need(action, context=own)
        case On.BUCKET:
            yield Need(action, bucket, context=own)
        case On.OBJECT:
            yield Need(action, bucket, key, version_id, params.get("UploadId"), own)
    if (params.get("CreateBucketConfiguration") or {}).get("Tags"):
        yield Need("s3:PutBucketTagging", bucket, context=own)
    if operation in ("PutObject", "CreateMultipartUpload") and params.get("Tagging"):
        yield tagging(str(bucket), str(key), params)


def tagging(bucket: str, key: str, params: Mapping[str, Any]) -> Need:
    """What it takes to write an object that has tags from the beginning."""
    action = "s3:PutObjectTagging"
    return Need(action, bucket, key, context=keys.of_action(action, "PutObjectTagging", params))


def reading(bucket: str, key: str, version_id: str | None, action: str = "s3:GetObject") -> Need:
    """What it takes to read an object that is not the call's own: a copy's source."""
    if version_id is not None:
        action = OF_VERSIONS[action]
    params = {} if version_id is None else {"VersionId": version_id}
    context = keys.of_action(action, "GetObject", params)
    return Need(action, bucket, key, version_id, context=context)


def deleting(bucket: str, key: str, version_id: str | None, etag: str | None) -> Need:
    """What it takes to delete one of several objects."""
    params = {"VersionId": version_id, "IfMatch": etag}
    given = {name: value for name, value in params.items() if value}
    return next(needed("DeleteObject", {"Bucket": bucket, "Key": key, **given}))
