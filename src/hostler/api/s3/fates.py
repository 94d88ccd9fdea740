"""What becomes of each input member of S3's operations.

Invariant: every member of an implemented operation is here; one that asks for what Hostler's S3
does not do is refused by its name (NotImplemented).
"""

from collections.abc import Mapping

from hostler.api.members import ACTS, Echoed, Fate, Members, Only, Refused
from hostler.api.s3.checksums import ALGORITHMS

_ACL = "there are no access control lists here: the bucket's owner owns every object."
_LOCK = "there is no object lock here."
_KEYS = "objects are not encrypted one by one here; encrypt the disk."
_MFA = "there is no multi-factor authentication here."
_KMS = "there is no KMS here; AES256 is accepted, and is the disk's."

_RULE = "ServerSideEncryptionConfiguration.Rules[]"

_SUMS = tuple(algorithm.member for algorithm in ALGORITHMS.values())

_SHARED: Mapping[str, Fate] = {
    **dict.fromkeys(
        ("GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP"),
        Refused(_ACL),
    ),
    **dict.fromkeys(
        (
            "ObjectLockMode",
            "ObjectLockRetainUntilDate",
            "ObjectLockLegalHoldStatus",
            "ObjectLockEventHold",
            "ObjectLockEventHoldDurationDays",
            "ObjectLockEventHoldDurationYears",
        ),
        Refused(_LOCK),
    ),
    **dict.fromkeys(
        (
            "SSECustomerAlgorithm",
            "SSECustomerKey",
            "SSECustomerKeyMD5",
            "CopySourceSSECustomerAlgorithm",
            "CopySourceSSECustomerKey",
            "CopySourceSSECustomerKeyMD5",
            "SSEKMSKeyId",
            "SSEKMSEncryptionContext",
        ),
        Refused(_KEYS),
    ),
    "ACL": Only(frozenset({"private", "bucket-owner-full-control"}), _ACL),
    "AnnotationDirective": Refused("there are no annotations here."),
    "BucketKeyEnabled": Only(frozenset({False}), _KEYS),
    "BucketNamespace": Only(frozenset({"global"}), "bucket names are global here."),
    "ConfirmRemoveSelfBucketAccess": Only(frozenset({False}), "policies lock nobody out here."),
    "BypassGovernanceRetention": Only(frozenset({False}), _LOCK),
    "IfMatchInitiatedTime": Refused("it is of directory buckets only."),
    "IfMatchLastModifiedTime": Refused("it is of directory buckets only."),
    "IfMatchSize": Refused("it is of directory buckets only."),
    "MFA": Refused(_MFA),
    "OwnershipControls.Rules[].ObjectOwnership": Only(frozenset({"BucketOwnerEnforced"}), _ACL),
    **dict.fromkeys(
        (
            f"PublicAccessBlockConfiguration.{name}"
            for name in (
                "BlockPublicAcls",
                "BlockPublicPolicy",
                "IgnorePublicAcls",
                "RestrictPublicBuckets",
            )
        ),
        Only(frozenset({True}), "nothing is public here."),
    ),
    f"{_RULE}.ApplyServerSideEncryptionByDefault.SSEAlgorithm": Only(frozenset({"AES256"}), _KMS),
    f"{_RULE}.ApplyServerSideEncryptionByDefault.KMSMasterKeyID": Refused(_KMS),
    f"{_RULE}.BucketKeyEnabled": Only(frozenset({False}), _KMS),
    f"{_RULE}.BlockedEncryptionTypes": Refused(_KMS),
    "VersioningConfiguration.MFADelete": Only(frozenset({"Disabled"}), _MFA),
    "ObjectLockEnabledForBucket": Only(frozenset({False}), _LOCK),
    "ObjectOwnership": Only(frozenset({"BucketOwnerEnforced"}), _ACL),
    "RequestPayer": Only(frozenset({"requester"}), "nobody pays here."),
    "ServerSideEncryption": Only(frozenset({"AES256"}), _KMS),
    "StorageClass": Only(frozenset({"STANDARD"}), "there is one storage class here."),
    "WebsiteRedirectLocation": Refused("there are no websites here."),
    "WriteOffsetBytes": Refused("it is of directory buckets only."),
    "CreateBucketConfiguration.Location": Refused("it is of directory buckets only."),
    "CreateBucketConfiguration.Bucket": Refused("it is of directory buckets only."),
    "Delete.Objects[].LastModifiedTime": Refused("it is of directory buckets only."),
    "Delete.Objects[].Size": Refused("it is of directory buckets only."),
}

_CONTENT = (
    "CacheControl ContentDisposition ContentEncoding ContentLanguage ContentType Expires Metadata"
)
_READ = (
    "VersionId IfMatch IfModifiedSince IfNoneMatch IfUnmodifiedSince Range PartNumber ChecksumMode "
    "ResponseCacheControl ResponseContentDisposition ResponseContentEncoding "
    "ResponseContentLanguage ResponseContentType ResponseExpires"
)
_COPY = (
    "CopySource CopySourceIfMatch CopySourceIfModifiedSince CopySourceIfNoneMatch "
    "CopySourceIfUnmodifiedSince ExpectedSourceBucketOwner"
)
_BUCKET = "Bucket ExpectedBucketOwner"
_OBJECT = "Bucket Key ExpectedBucketOwner"
_LISTING = "Bucket ExpectedBucketOwner Delimiter EncodingType Prefix"
_SUMMED = "ContentMD5 ChecksumAlgorithm"
_SENT = f"Body ContentLength {_SUMMED}"

_ACTING: Mapping[str, str] = {
    "AbortMultipartUpload": f"{_OBJECT} UploadId",
    "CompleteMultipartUpload": (
        f"{_OBJECT} UploadId ChecksumType MpuObjectSize IfMatch IfNoneMatch "
        "MultipartUpload.Parts[].ETag MultipartUpload.Parts[].PartNumber"
    ),
    "CopyObject": (
        f"{_OBJECT} {_CONTENT} {_COPY} ChecksumAlgorithm IfMatch IfNoneMatch MetadataDirective "
        "TaggingDirective Tagging"
    ),
    "CreateBucket": (
        "Bucket CreateBucketConfiguration.LocationConstraint CreateBucketConfiguration.Tags[].Key "
        "CreateBucketConfiguration.Tags[].Value"
    ),
    "CreateMultipartUpload": f"{_OBJECT} {_CONTENT} Tagging ChecksumAlgorithm ChecksumType",
    "DeleteBucket": _BUCKET,
    "DeleteBucketPolicy": _BUCKET,
    "DeleteBucketTagging": _BUCKET,
    "DeleteObject": f"{_OBJECT} VersionId IfMatch",
    "DeleteObjectTagging": f"{_OBJECT} VersionId",
    "DeleteObjects": (
        "Bucket ExpectedBucketOwner ChecksumAlgorithm Delete.Quiet Delete.Objects[].Key "
        "Delete.Objects[].VersionId Delete.Objects[].ETag"
    ),
    "GetBucketAccelerateConfiguration": _BUCKET,
    "GetBucketAcl": _BUCKET,
    "GetBucketCors": _BUCKET,
    "GetBucketEncryption": _BUCKET,
    "GetBucketLifecycleConfiguration": _BUCKET,
    "GetBucketLocation": _BUCKET,
    "GetBucketLogging": _BUCKET,
    "GetBucketNotificationConfiguration": _BUCKET,
    "GetBucketOwnershipControls": _BUCKET,
    "GetBucketPolicy": _BUCKET,
    "GetBucketReplication": _BUCKET,
    "GetBucketRequestPayment": _BUCKET,
    "GetBucketTagging": _BUCKET,
    "GetBucketVersioning": _BUCKET,
    "GetBucketWebsite": _BUCKET,
    "GetObject": f"{_OBJECT} {_READ}",
    "GetObjectAcl": f"{_OBJECT} VersionId",
    "GetObjectAttributes": f"{_OBJECT} VersionId MaxParts PartNumberMarker ObjectAttributes",
    "GetObjectLockConfiguration": _BUCKET,
    "GetObjectTagging": f"{_OBJECT} VersionId",
    "GetPublicAccessBlock": _BUCKET,
    "HeadBucket": _BUCKET,
    "HeadObject": f"{_OBJECT} {_READ}",
    "ListBuckets": "MaxBuckets ContinuationToken Prefix BucketRegion",
    "ListMultipartUploads": f"{_LISTING} KeyMarker MaxUploads UploadIdMarker",
    "ListObjectVersions": (
        f"{_LISTING} KeyMarker MaxKeys VersionIdMarker OptionalObjectAttributes"
    ),
    "ListObjects": f"{_LISTING} Marker MaxKeys OptionalObjectAttributes",
    "ListObjectsV2": (
        f"{_LISTING} MaxKeys ContinuationToken FetchOwner StartAfter OptionalObjectAttributes"
    ),
    "ListParts": f"{_OBJECT} UploadId MaxParts PartNumberMarker",
    "PutBucketEncryption": f"{_BUCKET} {_SUMMED}",
    "PutBucketOwnershipControls": f"{_BUCKET} {_SUMMED}",
    "PutBucketPolicy": f"{_BUCKET} {_SUMMED}",
    "PutBucketTagging": f"{_BUCKET} {_SUMMED} Tagging.TagSet[].Key Tagging.TagSet[].Value",
    "PutBucketVersioning": f"{_BUCKET} {_SUMMED} VersioningConfiguration.Status",
    "PutObject": f"{_OBJECT} {_CONTENT} {_SENT} IfMatch IfNoneMatch Tagging",
    "PutObjectTagging": (
        f"{_OBJECT} VersionId {_SUMMED} Tagging.TagSet[].Key Tagging.TagSet[].Value"
    ),
    "PutPublicAccessBlock": f"{_BUCKET} {_SUMMED}",
    "UploadPart": f"{_OBJECT} {_SENT} PartNumber UploadId",
    "UploadPartCopy": f"{_OBJECT} {_COPY} CopySourceRange PartNumber UploadId",
}

_POLICY = Echoed("it is checked, kept and shown, and not evaluated before resource policies are.")
_KMS_ASKED = Only(frozenset({"AES256", "aws:kms"}), _KMS)
"""The SageMaker SDK asks for aws:kms whenever it repacks a model, with no key named: it is told
AES256, which is what it gets."""

_CHECKED = ("CompleteMultipartUpload", "PutObject", "UploadPart")
"""The operations with a member for each kind of checksum."""


def members(operation: str) -> Members:
    """The fates of an operation's members."""
    acting: dict[str, Fate] = dict.fromkeys(_ACTING[operation].split(), ACTS)
    if operation == "PutBucketPolicy":
        acting["Policy"] = _POLICY
    if operation in ("CreateMultipartUpload", "PutObject"):
        acting["ServerSideEncryption"] = _KMS_ASKED
    if operation in _CHECKED:
        acting |= dict.fromkeys(_SUMS, ACTS)
    if operation == "CompleteMultipartUpload":
        acting |= {f"MultipartUpload.Parts[].{name}": ACTS for name in _SUMS}
    return {**_SHARED, **acting}
