"""A request to input members, by its protocol.

Invariant: what comes back has the model's types and names; constraints are validate's business.
"""

import zlib
from dataclasses import replace
from typing import Any, Final

from hostler.aws import conventions
from hostler.aws.http import HttpRequest
from hostler.aws.protocols import json, query, rest_json, rest_xml
from hostler.aws.protocols.errors import UnreadableError
from hostler.aws.route import Target
from hostler.aws.specs import Operation
from hostler.domain.errors import CallerError

_PARSERS = {
    "json": json.parse,
    "query": query.parse,
    "rest-json": rest_json.parse,
    "rest-xml": rest_xml.parse,
}


INFLATED_MAX: Final = 32 * 1024 * 1024


def parse(target: Target | Operation, request: HttpRequest) -> dict[str, Any]:
    """The input members of a request: times are floats (seconds since the epoch), blobs bytes.

    A payload is left out when the request has no body, so that one that streams may be read by
    whoever stores it.

    Raises:
        CallerError: The request is not what the model says; the code is the service's own.
    """
    operation = target.operation if isinstance(target, Target) else target
    try:
        if operation.compressible and _is_gzipped(request):
            request = replace(request, body=_inflated(request.body))
        return _PARSERS[operation.protocol](operation, request)
    except UnreadableError as error:
        raise unreadable(operation.service.name, error) from None


def _is_gzipped(request: HttpRequest) -> bool:
    encodings = request.header.get("content-encoding", "").lower().split(",")
    return encodings[-1].strip() == "gzip"


def _inflated(body: bytes) -> bytes:
    """A gzipped body, with a bound on what it may become."""
    inflate = zlib.decompressobj(wbits=31)
    try:
        plain = inflate.decompress(body, INFLATED_MAX)
    except zlib.error:
        raise UnreadableError("The body is not gzip, as content-encoding says.") from None
    if not inflate.eof:
        raise UnreadableError(f"The body is cut short, or inflates beyond {INFLATED_MAX} bytes.")
    return plain


def unreadable(service: str, error: UnreadableError) -> CallerError:
    """A reader's complaint in the service's words."""
    ours = conventions.of(service)
    code = ours.unreadable_head if error.part == "head" else ours.unreadable_body
    return CallerError(code, error.message)
