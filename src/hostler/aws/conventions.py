"""Where AWS's services differ in naming the same trouble: one small table.

Invariant: what every protocol shares is decided here; what a service's model says wins over it.
"""

from dataclasses import dataclass, replace
from typing import Final

from hostler.aws.specs import Protocol
from hostler.domain.errors import REFUSALS, CallerError


@dataclass(frozen=True, slots=True)
class Conventions:
    """The codes by which a service answers requests that it cannot use."""

    validation: str = "ValidationException"
    unreadable_body: str = "SerializationException"
    unreadable_head: str = "SerializationException"
    unknown_operation: str = "UnknownOperationException"
    internal: str = "InternalFailure"


_QUERY: Final = Conventions(
    validation="ValidationError",
    unreadable_body="MalformedInput",
    unreadable_head="MalformedInput",
    unknown_operation="InvalidAction",
)

_BY_SERVICE: Final = {
    "sagemaker-runtime": Conventions(validation="ValidationError"),
    "cloudwatch": Conventions(
        validation="ValidationError",
        internal="InternalServiceError",
    ),
    "logs": Conventions(validation="InvalidParameterException"),
    "ecr": Conventions(validation="InvalidParameterException"),
    "iam": _QUERY,
    "sts": _QUERY,
    "sns": replace(_QUERY, validation="InvalidParameter"),
    "s3": Conventions(
        validation="InvalidArgument",
        unreadable_body="MalformedXML",
        unreadable_head="InvalidArgument",
        unknown_operation="NotImplemented",
        internal="InternalError",
    ),
}

_DEFAULT: Final = Conventions()


def of(service: str) -> Conventions:
    """The conventions of a service, by botocore's name."""
    return _BY_SERVICE.get(service, _DEFAULT)


_RPC: Final = ("json", "smithy-rpc-v2-cbor")

_FORBIDDEN: Final = REFUSALS - {
    "AuthorizationHeaderMalformed",
    "AuthorizationQueryParametersError",
    "IncompleteSignature",
    "IncompleteSignatureException",
}
"""403, except in the JSON and CBOR protocols, which answer every caller's error with 400. A
signature that cannot be read is a bad request in all of them."""

_STATUS: Final = {
    "UnknownOperationException": 404,
    "RequestEntityTooLarge": 413,
    "RequestEntityTooLargeException": 413,
    "InternalFailure": 500,
    "InternalError": 500,
    "InternalServerError": 500,
    "ServiceFailure": 500,
    "ServiceUnavailable": 503,
    "ServiceUnavailableException": 503,
}

S3_STATUSES: Final = {
    # https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    "AccessDenied": 403,
    "AccountProblem": 403,
    "AuthorizationHeaderMalformed": 400,
    "AuthorizationQueryParametersError": 400,
    "BadDigest": 400,
    "BadRequest": 400,
    "BucketAlreadyExists": 409,
    "BucketAlreadyOwnedByYou": 409,
    "BucketNotEmpty": 409,
    "ConditionalRequestConflict": 409,
    "EntityTooLarge": 400,
    "EntityTooSmall": 400,
    "ExpiredToken": 400,
    "IllegalLocationConstraintException": 400,
    "IncompleteBody": 400,
    "InternalError": 500,
    "InvalidArgument": 400,
    "InvalidBucketName": 400,
    "InvalidBucketState": 409,
    "InvalidDigest": 400,
    "InvalidLocationConstraint": 400,
    "InvalidObjectState": 403,
    "InvalidPart": 400,
    "InvalidPartNumber": 416,
    "InvalidPartOrder": 400,
    "InvalidPolicyDocument": 400,
    "InvalidRange": 416,
    "InvalidRequest": 400,
    "InvalidTag": 400,
    "InvalidToken": 400,
    "InvalidURI": 400,
    "KeyTooLongError": 400,
    "MalformedPOSTRequest": 400,
    "MalformedPolicy": 400,
    "MalformedTrailerError": 400,
    "MalformedXML": 400,
    "MaxPostPreDataLengthExceeded": 400,
    "MetadataTooLarge": 400,
    "MethodNotAllowed": 405,
    "MissingContentLength": 411,
    "MissingRequestBodyError": 400,
    "NoSuchBucket": 404,
    "NoSuchBucketPolicy": 404,
    "NoSuchCORSConfiguration": 404,
    "NoSuchKey": 404,
    "NoSuchLifecycleConfiguration": 404,
    "NoSuchTagSet": 404,
    "NoSuchUpload": 404,
    "NoSuchVersion": 404,
    "NoSuchWebsiteConfiguration": 404,
    "NotImplemented": 501,
    "NotModified": 304,
    "ObjectLockConfigurationNotFoundError": 404,
    "OperationAborted": 409,
    "OwnershipControlsNotFoundError": 404,
    "PermanentRedirect": 301,
    "PreconditionFailed": 412,
    "ReplicationConfigurationNotFoundError": 404,
    "RequestTimeout": 400,
    "ServerSideEncryptionConfigurationNotFoundError": 404,
    "ServiceUnavailable": 503,
    "SignatureDoesNotMatch": 403,
    "SlowDown": 503,
    "XAmzContentSHA256Mismatch": 400,
}
"""S3's own: its model names no statuses."""

RUNTIME_STATUSES: Final = {
    # As in its model (a test compares), for the gateway, which loads none.
    "InternalDependencyException": 530,
    "InternalFailure": 500,
    "ModelError": 424,
    "ModelNotReadyException": 429,
    "ServiceUnavailable": 503,
    "ValidationError": 400,
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html
    "AccessDeniedException": 400,
}
"""SageMaker Runtime's."""

_OWN_STATUSES: Final = {"s3": S3_STATUSES, "sagemaker-runtime": RUNTIME_STATUSES}


def status(service: str, protocol: Protocol, code: str) -> int:
    """The HTTP status of an error that no model describes."""
    own = _OWN_STATUSES.get(service)
    if own is not None and code in own:
        return own[code]
    if code in _FORBIDDEN:
        return 400 if protocol in _RPC else 403
    if code == "UnknownOperationException" and protocol in _RPC:
        return 400
    return _STATUS.get(code, 400)


def unknown_operation(service: str, name: str, instead: str = "") -> CallerError:
    """The answer to an operation that this service does not have here.

    Args:
        service: botocore's name of the service.
        name: The operation, as it was asked for.
        instead: A sentence that says what to do (``aws.absent``).
    """
    code = of(service).unknown_operation
    match code:
        case "NotImplemented":
            what = "A header or query you provided implies functionality that is not implemented"
            text = f"{what}: {name}."
        case "InvalidAction":
            text = f"Could not find operation {name}."
        case _:
            text = f"Hostler does not implement {service}'s operation {name}."
    return CallerError(code, f"{text} {instead}".rstrip())
