"""Who may do what in S3: each operation's actions, decided by identity policies.

Invariant: an operation without an entry in ``ACTIONS`` cannot be called, and a bucket of another
account is closed, whatever the caller's own policies say.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hostler.api.s3.errors import access_denied, no_such_bucket
from hostler.domain import ids
from hostler.domain.snapshot import Principal
from hostler.iam.context import ABSENT, Context
from hostler.iam.evaluate import PolicyEngine, refusal_text
from hostler.store import objects
from hostler.store.database import Transaction
from hostler.store.objects import Bucket


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
class Guard:
    """Decides by a policy engine; ``region`` only names the partition of ARNs."""

    engine: PolicyEngine
    region: str

    def operation(
        self, principal: Principal, context: Context, operation: str, params: Mapping[str, Any]
    ) -> None:
        """Raise AccessDenied unless the operation's own action is allowed."""
        if operation == "DeleteObjects":
            return  # its handler asks for each key
        action, on = ACTIONS[operation]
        match on:
            case On.ACCOUNT:
                resource = ids.bucket_arn(self.region, "*")
            case On.BUCKET:
                resource = ids.bucket_arn(self.region, params["Bucket"])
            case On.OBJECT:
                resource = ids.object_arn(self.region, params["Bucket"], params["Key"])
                if params.get("VersionId") is not None:
                    action = OF_VERSIONS[action]
        own = {**context, **_context(action, params)}
        self._require(principal, action, resource, own)
        if (params.get("CreateBucketConfiguration") or {}).get("Tags"):
            self._require(principal, "s3:PutBucketTagging", resource, context)
        if operation in ("PutObject", "CreateMultipartUpload") and params.get("Tagging"):
            self._require(principal, "s3:PutObjectTagging", resource, context)

    def object(
        self, principal: Principal, context: Context, action: str, bucket: str, key: str
    ) -> None:
        """Raise AccessDenied unless the action on one object is allowed."""
        self._require(principal, action, ids.object_arn(self.region, bucket, key), context)

    def may_list(self, principal: Principal, context: Context, bucket: str) -> bool:
        """Whether a missing key may be told from a forbidden one."""
        resource = ids.bucket_arn(self.region, bucket)
        return self.engine.decide(principal, "s3:ListBucket", resource, context).allowed

    def _require(self, principal: Principal, action: str, resource: str, context: Context) -> None:
        decision = self.engine.decide(principal, action, resource, context)
        if not decision.allowed:
            raise access_denied(refusal_text(principal.arn, action, f'"{resource}"', decision))


def bucket_of(
    tx: Transaction, principal: Principal, name: str, expected_owner: str | None = None
) -> Bucket:
    """The bucket, if it is there and the caller's account owns it; raises CallerError."""
    found = objects.bucket(tx, name)
    if found is None:
        raise no_such_bucket(name)
    if found.account != principal.account or expected_owner not in (None, found.account):
        raise access_denied()
    return found


def _context(action: str, params: Mapping[str, Any]) -> Context:
    """The condition keys of listings."""
    if action not in ("s3:ListBucket", "s3:ListBucketVersions"):
        return {}
    keys = {"s3:prefix": "Prefix", "s3:delimiter": "Delimiter", "s3:max-keys": "MaxKeys"}
    return {key: str(params[name]) if name in params else ABSENT for key, name in keys.items()}
