"""S3's operations: the dispatch table.

Invariant: what is not here answers NotImplemented, by its name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hostler.api.members import Members
from hostler.api.s3 import (
    attributes,
    buckets,
    completing,
    constants,
    copying,
    deleting,
    fates,
    listing,
    multipart,
    objects,
    policies,
    tagging,
    versioning,
)
from hostler.api.s3.call import Handler


@dataclass(frozen=True, slots=True)
class Operation:
    """One implemented operation; ``streams`` where the handler reads the body itself."""

    name: str
    handler: Handler
    members: Members
    streams: bool

    @property
    def sums_are_of_body(self) -> bool:
        """Whether checksum headers speak of the request's body, and not of the whole object."""
        return self.name != "CompleteMultipartUpload"


_STREAMING = frozenset({"PutObject", "UploadPart"})

_HANDLERS: Mapping[str, Handler] = {
    "AbortMultipartUpload": multipart.abort_multipart_upload,
    "CompleteMultipartUpload": completing.complete_multipart_upload,
    "CopyObject": copying.copy_object,
    "CreateBucket": buckets.create_bucket,
    "CreateMultipartUpload": multipart.create_multipart_upload,
    "DeleteBucket": buckets.delete_bucket,
    "DeleteBucketPolicy": policies.delete_bucket_policy,
    "DeleteBucketTagging": tagging.delete_bucket_tagging,
    "DeleteObject": deleting.delete_object,
    "DeleteObjectTagging": tagging.delete_object_tagging,
    "DeleteObjects": deleting.delete_objects,
    "GetBucketAccelerateConfiguration": constants.get_bucket_accelerate_configuration,
    "GetBucketAcl": constants.get_bucket_acl,
    "GetBucketCors": constants.get_bucket_cors,
    "GetBucketEncryption": constants.get_bucket_encryption,
    "GetBucketLifecycleConfiguration": constants.get_bucket_lifecycle_configuration,
    "GetBucketLocation": buckets.get_bucket_location,
    "GetBucketLogging": constants.get_bucket_logging,
    "GetBucketNotificationConfiguration": constants.get_bucket_notification_configuration,
    "GetBucketOwnershipControls": constants.get_bucket_ownership_controls,
    "GetBucketPolicy": policies.get_bucket_policy,
    "GetBucketReplication": constants.get_bucket_replication,
    "GetBucketRequestPayment": constants.get_bucket_request_payment,
    "GetBucketTagging": tagging.get_bucket_tagging,
    "GetBucketVersioning": versioning.get_bucket_versioning,
    "GetBucketWebsite": constants.get_bucket_website,
    "GetObject": objects.get_object,
    "GetObjectAcl": constants.get_object_acl,
    "GetObjectAttributes": attributes.get_object_attributes,
    "GetObjectLockConfiguration": constants.get_object_lock_configuration,
    "GetObjectTagging": tagging.get_object_tagging,
    "GetPublicAccessBlock": constants.get_public_access_block,
    "HeadBucket": buckets.head_bucket,
    "HeadObject": objects.get_object,
    "ListBuckets": buckets.list_buckets,
    "ListMultipartUploads": multipart.list_multipart_uploads,
    "ListObjectVersions": versioning.list_object_versions,
    "ListObjects": listing.list_objects,
    "ListObjectsV2": listing.list_objects_v2,
    "ListParts": multipart.list_parts,
    "PutBucketEncryption": constants.put_bucket_encryption,
    "PutBucketOwnershipControls": constants.put_bucket_ownership_controls,
    "PutBucketPolicy": policies.put_bucket_policy,
    "PutBucketTagging": tagging.put_bucket_tagging,
    "PutBucketVersioning": versioning.put_bucket_versioning,
    "PutObject": objects.put_object,
    "PutObjectTagging": tagging.put_object_tagging,
    "PutPublicAccessBlock": constants.put_public_access_block,
    "UploadPart": multipart.upload_part,
    "UploadPartCopy": copying.upload_part_copy,
}

OPERATIONS: Mapping[str, Operation] = {
    name: Operation(name, handler, fates.members(name), name in _STREAMING)
    for name, handler in _HANDLERS.items()
}
"""The implemented operations by name; the README's list is made from it."""

PUT_FORM = replace(OPERATIONS["PutObject"], handler=objects.put_form)
"""PutObject, where a browser's form asks for it."""
