"""A request to input members, by its protocol.

Invariant: what comes back has the model's types and names; constraints are validate's business.
"""

from typing import Any

from hostler.aws import compression, conventions
from hostler.aws.http import HttpRequest
from hostler.aws.protocols import cbor, json, query, rest_json, rest_xml
from hostler.aws.protocols.errors import UnreadableError
from hostler.aws.route import Target
from hostler.aws.specs import Operation
from hostler.domain.errors import CallerError

_PARSERS = {
    "json": json.parse,
    "query": query.parse,
    "rest-json": rest_json.parse,
    "rest-xml": rest_xml.parse,
    "smithy-rpc-v2-cbor": cbor.parse,
}


def parse(target: Target | Operation, request: HttpRequest) -> dict[str, Any]:
    """The input members of a request: times are floats (seconds since the epoch), blobs bytes.

    A payload is left out when the request has no body, so that one that streams may be read by
    whoever stores it.

    Raises:
        CallerError: The request is not what the model says; the code is the service's own.
    """
    operation = target.operation if isinstance(target, Target) else target
    try:
        if operation.compressible:
            request = compression.inflated(request)
        return _PARSERS[operation.protocol](operation, request)
    except UnreadableError as error:
        raise unreadable(operation.service.name, error) from None


def unreadable(service: str, error: UnreadableError) -> CallerError:
    """A reader's complaint in the service's words."""
    ours = conventions.of(service)
    code = ours.unreadable_head if error.part == "head" else ours.unreadable_body
    return CallerError(code, error.message)
