"""The condition keys of S3, as a request gives them.

Invariant: an action has a key only where AWS lists it for the action: elsewhere the key is absent
on AWS, and here it is not known. What S3 never has here (access points, access grants, tags that
decide about buckets) is absent everywhere.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from hostler.aws.signing import ALGORITHM
from hostler.aws.sigv4 import Presented, signed_at
from hostler.domain.sender import Sender
from hostler.iam import context
from hostler.iam.context import ABSENT, Context, flag

_NEVER: Context = dict.fromkeys(
    (
        "s3:AccessGrantsInstanceArn",
        "s3:AccessPointNetworkOrigin",
        "s3:AccessPointTag/*",
        "s3:BucketTag/*",
        "s3:DataAccessPointAccount",
        "s3:DataAccessPointArn",
        "aws:ResourceTag/*",
    ),
    ABSENT,
)

GRANTS = {
    "s3:x-amz-acl": "ACL",
    "s3:x-amz-grant-full-control": "GrantFullControl",
    "s3:x-amz-grant-read": "GrantRead",
    "s3:x-amz-grant-read-acp": "GrantReadACP",
    "s3:x-amz-grant-write": "GrantWrite",
    "s3:x-amz-grant-write-acp": "GrantWriteACP",
}
_LISTING = {"s3:prefix": "Prefix", "s3:delimiter": "Delimiter", "s3:max-keys": "MaxKeys"}
_OF_NEW_OBJECTS = {
    **GRANTS,
    "s3:object-lock-legal-hold": "ObjectLockLegalHoldStatus",
    "s3:object-lock-mode": "ObjectLockMode",
    "s3:object-lock-remaining-retention-days": "ObjectLockRetainUntilDate",
    "s3:object-lock-retain-until-date": "ObjectLockRetainUntilDate",
    "s3:x-amz-server-side-encryption": "ServerSideEncryption",
    "s3:x-amz-server-side-encryption-aws-kms-key-id": "SSEKMSKeyId",
    "s3:x-amz-server-side-encryption-customer-algorithm": "SSECustomerAlgorithm",
    "s3:x-amz-storage-class": "StorageClass",
    "s3:x-amz-website-redirect-location": "WebsiteRedirectLocation",
}
"""Said when an object is begun; those of object locks are refused before they are decided about."""
_MEMBERS: Mapping[str, Mapping[str, str]] = {
    "s3:CreateBucket": {
        **GRANTS,
        "s3:x-amz-bucket-namespace": "BucketNamespace",
        "s3:x-amz-object-ownership": "ObjectOwnership",
    },
    "s3:DeleteObject": {"s3:if-match": "IfMatch"},
    "s3:ListBucket": _LISTING,
    "s3:ListBucketVersions": _LISTING,
    "s3:PutObject": {
        "s3:if-match": "IfMatch",
        "s3:if-none-match": "IfNoneMatch",
        "s3:x-amz-copy-source": "CopySource",
        "s3:x-amz-metadata-directive": "MetadataDirective",
    },
}
"""The members that an action's keys have the values of."""

_CONTINUING = frozenset({"CompleteMultipartUpload", "UploadPart", "UploadPartCopy"})
"""Of uploads that were begun before: what they begin with was said then."""
_MAKING = frozenset({"CompleteMultipartUpload", "CopyObject", "PutObject"})


def of_request(presented: Presented, sender: Sender, wall_now: float) -> Context:
    """The keys that every call of S3 has: how it was signed, and how it came."""
    is_version_4 = bool(presented.scope.text)
    in_query = presented.expires_s is not None or not is_version_4
    return {
        **_of_signature(signed_at(presented), sender, wall_now, is_version_4=is_version_4),
        "s3:authType": "REST-QUERY-STRING" if in_query else "REST-HEADER",
        "s3:x-amz-content-sha256": presented.payload_hash if is_version_4 else ABSENT,
    }


def of_form(signed: float | None, sender: Sender, wall_now: float) -> Context:
    """The same of a browser's form; ``signed``: epoch s, which version 4 alone tells.

    What AWS takes its content's hash to be is not documented, so it is not known.
    """
    return {
        **_of_signature(signed, sender, wall_now, is_version_4=signed is not None),
        "s3:authType": "POST",
        "s3:x-amz-content-sha256": ABSENT if signed is None else None,
    }


def _of_signature(
    signed: float | None, sender: Sender, wall_now: float, *, is_version_4: bool
) -> Context:
    return {
        **_NEVER,
        "s3:signatureversion": ALGORITHM if is_version_4 else "AWS",
        "s3:signatureAge": None if signed is None else str(max(0, int((wall_now - signed) * 1000))),
        "s3:TlsVersion": ABSENT if sender.secured is False else sender.tls,
    }


def of_action(action: str, operation: str, params: Mapping[str, Any]) -> Context:
    """The keys that an action has beside: what an operation's input says."""
    found: dict[str, str | Sequence[str] | None] = {}
    for key, member in _MEMBERS.get(action, {}).items():
        found[key] = _given(params, member)
    if params.get("VersionId") is not None:
        found["s3:versionid"] = str(params["VersionId"])
    if action == "s3:PutObject":
        found["s3:ObjectCreationOperation"] = flag(value=operation in _MAKING)
        if operation not in _CONTINUING:
            found |= of_new_object(params, _in_header(params.get("Tagging")))
    elif action == "s3:CreateBucket":
        found |= _of_new_bucket(params)
    elif action in ("s3:PutObjectTagging", "s3:PutObjectVersionTagging"):
        given = params.get("Tagging")
        pairs = _in_header(given) if isinstance(given, str) else _pairs((given or {}).get("TagSet"))
        found |= _of_request_tags(pairs)
    return found


def of_new_object(params: Mapping[str, Any], tags: Sequence[tuple[str, str]] | None) -> Context:
    """What was said of an object that is begun; ``tags`` are None where they cannot be read."""
    said = {key: _given(params, member) for key, member in _OF_NEW_OBJECTS.items()}
    return {**said, **_of_request_tags(tags)}


def of_existing(tags: Mapping[str, str]) -> Context:
    """An object's own tags, none where there is no such object."""
    return context.tags("s3:ExistingObjectTag", tags.items())


def _of_new_bucket(params: Mapping[str, Any]) -> Context:
    configuration = params.get("CreateBucketConfiguration") or {}
    tags = _pairs(configuration.get("Tags"))
    return {
        "s3:locationconstraint": _given(configuration, "LocationConstraint"),
        "aws:TagKeys": [key for key, _ in tags],
        **context.tags("aws:RequestTag", tags),
    }


def _of_request_tags(tags: Sequence[tuple[str, str]] | None) -> Context:
    if tags is None:
        return {}
    return {
        "s3:RequestObjectTagKeys": [key for key, _ in tags],
        **context.tags("s3:RequestObjectTag", tags),
    }


def _given(params: Mapping[str, Any], member: str) -> str | Sequence[str]:
    value = params.get(member)
    return ABSENT if value is None else str(value)


def _in_header(header: str | None) -> Sequence[tuple[str, str]] | None:
    try:
        return parse_qsl(header or "", keep_blank_values=True, strict_parsing=bool(header))
    except ValueError:  # refused once it is known that the caller may
        return None


def _pairs(tags: Iterable[Mapping[str, Any]] | None) -> Sequence[tuple[str, str]]:
    return [(str(tag.get("Key", "")), str(tag.get("Value", ""))) for tag in tags or ()]
