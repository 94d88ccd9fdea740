"""Errors to responses: the caller's, by the service's model, and ours.

Invariant: every error has the form that the service's SDKs read, and its HTTP status comes from the
error itself, else the model, else the conventions.
"""

from dataclasses import replace
from xml.sax.saxutils import escape

import orjson

from hostler.aws import conventions
from hostler.aws.http import HttpResponse
from hostler.aws.protocols import cbor, json, query, rest_json, rest_xml
from hostler.aws.protocols.failure import Failure
from hostler.aws.shapes import Shape
from hostler.aws.specs import Operation, Service
from hostler.domain.errors import CallerError

_WRITERS = {
    "json": json.error,
    "query": query.error,
    "rest-json": rest_json.error,
    "rest-xml": rest_xml.error,
    "smithy-rpc-v2-cbor": cbor.error,
}


def response(
    service: Service, operation: Operation | None, error: CallerError, request_id: str
) -> HttpResponse:
    """The response to a call that failed by the caller's doing."""
    shape = _modelled(service, operation, error.code)
    code = shape.error_code if shape is not None and service.protocol == "query" else error.code
    status = error.status or (shape.error_status if shape else None)
    if status is None:
        status = conventions.status(service.name, service.protocol, code)
    sender = shape.sender_fault if shape is not None else status < 500
    failure = Failure(code, error.message, status, sender, shape, error.members)
    answer = _WRITERS[service.protocol](service, failure, request_id)
    if operation is not None and operation.method == "HEAD":
        return replace(answer, body=b"")
    return answer


def _modelled(service: Service, operation: Operation | None, code: str) -> Shape | None:
    """The error's shape: the operation's own if it names one, else the service's."""
    if operation is not None:
        for shape in operation.errors:
            if code in (shape.error_code, shape.name):
                return shape
    return service.shapes.errors.get(code)


def internal(service: Service, request_id: str) -> HttpResponse:
    """The response to a call that failed by our doing: nothing of the cause is told."""
    code = conventions.of(service.name).internal
    text = "We encountered an internal error. Please try again."
    return response(service, None, CallerError(code, text, status=500), request_id)


def unrouted(error: CallerError, request_id: str, *, form: bool = False) -> HttpResponse:
    """The response where not even the service is known.

    JSON, with the code in both places; to a ``form``, as the query protocols send it, their XML.
    """
    status = error.status or conventions.status("", "rest-json", error.code)
    if form:
        code, message = escape(error.code), escape(error.message)
        fault = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        # Both as most services and as EC2 would say it: which of them is meant is not known.
        text = (
            f"<ErrorResponse>{fault}<Errors>{fault}</Errors><RequestId>{request_id}</RequestId>"
            f"<RequestID>{request_id}</RequestID></ErrorResponse>"
        )
        return HttpResponse(status, (("content-type", "text/xml"),), text.encode())
    headers = (
        ("content-type", "application/json"),
        ("x-amzn-requestid", request_id),
        ("x-amzn-errortype", error.code),
    )
    body = orjson.dumps({"__type": error.code, "message": error.message})
    return HttpResponse(status, headers, body)
