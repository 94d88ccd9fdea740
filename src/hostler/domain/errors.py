"""The caller's errors, as data: a code, a text, and members of the modelled error shape.

Invariant: nothing here knows HTTP; ``aws.errors`` chooses statuses and bodies from the service's
model. Errors of a model's code are results (``ModelError``), and everything else is ours
(InternalFailure, logged once).
"""

from collections.abc import Mapping
from typing import Any

REFUSALS = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationHeaderMalformed",
        "AuthorizationQueryParametersError",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
"""The codes with which somebody is turned away, for who they are or what they may."""


class CallerError(Exception):
    """Something the caller can mend.

    Args:
        code: The service's error code, e.g. ``ValidationException`` or ``NoSuchKey``.
        message: What is wrong and what to do.
        members: Further members of the modelled error shape, by member name.
        status: The HTTP status, where the service's model does not name one (default 400).
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        members: Mapping[str, Any] | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.members: Mapping[str, Any] = members or {}
        self.status = status


def validation(message: str) -> CallerError:
    """SageMaker's answer to nearly every bad request, missing and duplicate names included."""
    return CallerError("ValidationException", message)


def access_denied(message: str) -> CallerError:
    """A refusal by policy; the text names the principal, the action and the resource."""
    return CallerError("AccessDeniedException", message)


class ConcurrentChangeError(Exception):
    """A row changed between read and write: read again and decide again."""
