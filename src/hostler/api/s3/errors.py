"""S3's own errors: their codes and texts.

Invariant: every code raised under ``api/s3`` has its status in ``conventions.S3_STATUSES``.
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from collections.abc import Mapping
from typing import Any

from hostler.aws.conventions import S3_STATUSES
from hostler.domain.errors import CallerError


class HeadedError(CallerError):
    """An error whose answer has headers of its own."""

    def __init__(self, refusal: CallerError, headers: Mapping[str, str]) -> None:
        super().__init__(
            refusal.code, refusal.message, members=refusal.members, status=refusal.status
        )
        self.headers = headers


def error(code: str, message: str, **members: Any) -> CallerError:
    """An error of S3; ``members`` become elements of its document."""
    return CallerError(code, message, members=members, status=S3_STATUSES[code])


def invalid_argument(message: str, name: str, value: str) -> CallerError:
    return error("InvalidArgument", message, ArgumentName=name, ArgumentValue=value)


def invalid_request(message: str) -> CallerError:
    return error("InvalidRequest", message)


def malformed_xml() -> CallerError:
    return error(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )


def no_such_bucket(bucket: str) -> CallerError:
    return error("NoSuchBucket", "The specified bucket does not exist", BucketName=bucket)


def no_such_key(key: str) -> CallerError:
    return error("NoSuchKey", "The specified key does not exist.", Key=key)


def no_such_upload(upload_id: str) -> CallerError:
    return error(
        "NoSuchUpload",
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have "
        "been aborted or completed.",
        UploadId=upload_id,
    )


def no_such_version(key: str, version_id: str) -> CallerError:
    return error(
        "NoSuchVersion", "The specified version does not exist.", Key=key, VersionId=version_id
    )


def deleted(refusal: CallerError, version_id: str) -> CallerError:
    """The same refusal, where the reason is a delete marker."""
    return HeadedError(refusal, {"x-amz-delete-marker": "true", "x-amz-version-id": version_id})


def marker_not_allowed(method: str, version_id: str, modified: str) -> CallerError:
    """A delete marker can be deleted, and nothing else."""
    refusal = error(
        "MethodNotAllowed",
        "The specified method is not allowed against this resource.",
        Method=method,
        ResourceType="DeleteMarker",
    )
    headers = {"allow": "DELETE", "last-modified": modified}
    return HeadedError(
        refusal,
        {"x-amz-delete-marker": "true", "x-amz-version-id": version_id, **headers},
    )


def precondition_failed(condition: str) -> CallerError:
    return error(
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
        Condition=condition,
    )


def access_denied(message: str = "Access Denied") -> CallerError:
    return error("AccessDenied", message)


def not_implemented(message: str) -> CallerError:
    return error("NotImplemented", message)


def disk_full() -> CallerError:
    """Retryable: nothing was stored."""
    return error(
        "ServiceUnavailable",
        "Hostler's disk is full: nothing was stored. Free some space, then repeat the request.",
    )


def index_unavailable() -> CallerError:
    """Retryable: the index is locked or cannot grow."""
    return error(
        "ServiceUnavailable",
        "Hostler's S3 index cannot be used now (locked, or the disk is full): nothing was changed. "
        "Repeat the request.",
    )
