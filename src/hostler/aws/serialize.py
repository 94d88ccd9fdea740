"""A result to a response, by the operation's protocol.

Invariant: absent members (None) are left out and never null.
"""

from collections.abc import Mapping
from typing import Any

from hostler.aws.http import HttpResponse
from hostler.aws.protocols import cbor, json, query, rest_json, rest_xml
from hostler.aws.specs import Operation

_WRITERS = {
    "json": json.response,
    "query": query.response,
    "rest-json": rest_json.response,
    "rest-xml": rest_xml.response,
    "smithy-rpc-v2-cbor": cbor.response,
}


def response(
    operation: Operation, result: Mapping[str, Any] | None, request_id: str
) -> HttpResponse:
    """The response to a call that succeeded.

    Args:
        operation: What was called.
        result: The output shape's members; times as seconds since the epoch or datetimes.
        request_id: Goes into the headers, and into the body where the protocol has it there.

    Raises:
        KeyError: The result has a member that the output shape lacks: a mistake of ours.
    """
    return _WRITERS[operation.protocol](operation, result or {}, request_id)
