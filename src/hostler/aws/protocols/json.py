"""AWS JSON 1.0 and 1.1: the operation in X-Amz-Target, everything else in a JSON object.

Invariant: an error's code is in the body's ``__type`` (and a header); an answer is an object or
nothing, never null.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from hostler.aws.http import HttpRequest, HttpResponse
from hostler.aws.protocols import values
from hostler.aws.protocols.failure import Failure
from hostler.aws.specs import Operation, Service


def parse(operation: Operation, request: HttpRequest) -> dict[str, Any]:
    """The input members of a request."""
    if operation.input is None or not request.body:
        return {}
    result: dict[str, Any] = values.read(operation.input, values.loads(request.body), "")
    return result


def response(operation: Operation, result: Mapping[str, Any], request_id: str) -> HttpResponse:
    """A result; an operation without an output shape answers with an empty body."""
    body = b""
    if operation.output is not None:
        body = orjson.dumps(values.write_structure(operation.output, result))
    return HttpResponse(operation.success_status, _headers(operation.service, request_id), body)


def error(service: Service, failure: Failure, request_id: str) -> HttpResponse:
    """An error: ``__type``, the message under the shape's own name for it, further members."""
    headers = _headers(service, request_id)
    if service.query_compatible:
        # botocore translates the code by this header; ``__type`` stays the shape's name.
        fault = "Sender" if failure.sender else "Receiver"
        headers += (("x-amzn-query-error", f"{failure.code};{fault}"),)
    else:
        headers += (("x-amzn-errortype", failure.code),)
    kind = failure.shape.name if service.query_compatible and failure.shape else failure.code
    body = orjson.dumps({"__type": kind, **failure.json_members()})
    return HttpResponse(failure.status, headers, body)


def _headers(service: Service, request_id: str) -> tuple[tuple[str, str], ...]:
    return (
        ("content-type", f"application/x-amz-json-{service.json_version}"),
        ("x-amzn-requestid", request_id),
    )
