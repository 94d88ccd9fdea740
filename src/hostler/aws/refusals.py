"""The words and codes with which each family of services refuses a request's authentication.

Invariant: codes and texts are AWS's; statuses are chosen where the error is written.
"""

from enum import StrEnum
from typing import Final

from hostler.domain.errors import CallerError


class Refusal(StrEnum):
    """Why a request's signature was not accepted."""

    MISSING = "missing"
    INCOMPLETE = "incomplete"
    AMBIGUOUS = "ambiguous"
    UNSIGNED_HEADER = "unsigned-header"
    UNKNOWN_KEY = "unknown-key"
    TOKEN = "token"  # noqa: S105 - a reason
    TOKEN_EXPIRED = "token-expired"  # noqa: S105 - another
    MISMATCH = "mismatch"
    PAYLOAD = "payload"
    SKEWED = "skewed"
    EXPIRED = "expired"


_MISMATCH: Final = (
    "The request signature we calculated does not match the signature you provided. Check your AWS "
    "Secret Access Key and signing method. Consult the service documentation for details."
)
_TOKEN: Final = "The security token included in the request is invalid."  # noqa: S105 - a text

_TOKEN_EXPIRED: Final = "The security token included in the request is expired"  # noqa: S105

_JSON: Final = {
    Refusal.MISSING: ("MissingAuthenticationTokenException", "Missing Authentication Token"),
    Refusal.INCOMPLETE: ("IncompleteSignatureException", ""),
    Refusal.AMBIGUOUS: ("IncompleteSignatureException", ""),
    Refusal.UNSIGNED_HEADER: ("InvalidSignatureException", ""),
    Refusal.UNKNOWN_KEY: ("UnrecognizedClientException", _TOKEN),
    Refusal.TOKEN: ("UnrecognizedClientException", _TOKEN),
    Refusal.TOKEN_EXPIRED: ("ExpiredTokenException", _TOKEN_EXPIRED),
    Refusal.MISMATCH: ("InvalidSignatureException", _MISMATCH),
    Refusal.PAYLOAD: ("InvalidSignatureException", _MISMATCH),
    Refusal.SKEWED: ("InvalidSignatureException", ""),
    Refusal.EXPIRED: ("InvalidSignatureException", ""),
}

_QUERY: Final = {
    Refusal.MISSING: ("MissingAuthenticationToken", "Request is missing Authentication Token"),
    Refusal.INCOMPLETE: ("IncompleteSignature", ""),
    Refusal.AMBIGUOUS: ("IncompleteSignature", ""),
    Refusal.UNSIGNED_HEADER: ("SignatureDoesNotMatch", ""),
    Refusal.UNKNOWN_KEY: ("InvalidClientTokenId", _TOKEN),
    Refusal.TOKEN: ("InvalidClientTokenId", _TOKEN),
    Refusal.TOKEN_EXPIRED: ("ExpiredToken", _TOKEN_EXPIRED),
    Refusal.MISMATCH: ("SignatureDoesNotMatch", _MISMATCH),
    Refusal.PAYLOAD: ("SignatureDoesNotMatch", _MISMATCH),
    Refusal.SKEWED: ("SignatureDoesNotMatch", ""),
    Refusal.EXPIRED: ("SignatureDoesNotMatch", ""),
}

_S3: Final = {
    Refusal.MISSING: ("AccessDenied", "Access Denied"),
    Refusal.INCOMPLETE: ("AuthorizationHeaderMalformed", ""),
    Refusal.AMBIGUOUS: (
        "InvalidArgument",
        (
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature "
            "query string parameter or the Authorization header should be specified"
        ),
    ),
    Refusal.UNSIGNED_HEADER: (
        "AccessDenied",
        "There were headers present in the request which were not signed",
    ),
    Refusal.UNKNOWN_KEY: (
        "InvalidAccessKeyId",
        "The AWS Access Key Id you provided does not exist in our records.",
    ),
    Refusal.TOKEN: (
        "InvalidToken",
        "The provided token is malformed or otherwise invalid.",
    ),
    Refusal.TOKEN_EXPIRED: ("ExpiredToken", "The provided token has expired."),
    Refusal.MISMATCH: (
        "SignatureDoesNotMatch",
        (
            "The request signature we calculated does not match the signature you provided. Check "
            "your key and signing method."
        ),
    ),
    Refusal.PAYLOAD: (
        "XAmzContentSHA256Mismatch",
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
    ),
    Refusal.SKEWED: (
        "RequestTimeTooSkewed",
        "The difference between the request time and the current time is too large.",
    ),
    Refusal.EXPIRED: ("AccessDenied", "Request has expired"),
}

_ALWAYS_THE_SAME: Final = frozenset(
    {Refusal.MISSING, Refusal.AMBIGUOUS, Refusal.SKEWED, Refusal.EXPIRED}
)
"""Those for which S3 has one sentence, whatever the details."""

_FAMILIES: Final = {"s3": _S3, "iam": _QUERY, "sts": _QUERY, "sns": _QUERY}


def refuse(service: str, why: Refusal, text: str = "") -> CallerError:
    """The error for a refusal; ``text`` has the details where the service gives any."""
    code, usual = _FAMILIES.get(service, _JSON)[why]
    if why is Refusal.UNSIGNED_HEADER and service == "s3":
        return CallerError(code, usual, members={"HeadersNotSigned": text})
    if service == "s3" and why in _ALWAYS_THE_SAME:
        text = ""
    return CallerError(code, text or usual)
