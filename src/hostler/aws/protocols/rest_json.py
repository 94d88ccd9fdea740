"""REST with JSON bodies (sagemaker-runtime).

Invariant: a payload that is a blob or a string is the body as it is; the error's code is in a
header as well as in the body.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from hostler.aws.http import HttpRequest, HttpResponse
from hostler.aws.protocols import rest, values
from hostler.aws.protocols.errors import UnreadableError
from hostler.aws.protocols.failure import Failure
from hostler.aws.shapes import Shape
from hostler.aws.specs import Operation, Service


def parse(operation: Operation, request: HttpRequest) -> dict[str, Any]:
    """The input members of a request."""
    return rest.parse(operation, request, read_document=_read_document, read_members=_read_members)


def _read_members(shape: Shape, body: bytes) -> dict[str, Any]:
    found = values.loads(body)
    if not isinstance(found, dict):
        raise UnreadableError("The body is not a JSON object.")
    result = {}
    for name, member in shape.members.items():
        item = found.get(member.wire_name or name)
        if member.location is None and item is not None:
            result[name] = values.read(member, item, name[:1].lower() + name[1:])
    return result


def _read_document(member: Shape, body: bytes, name: str) -> Any:
    return values.read(member, values.loads(body), name[:1].lower() + name[1:])


def response(operation: Operation, result: Mapping[str, Any], request_id: str) -> HttpResponse:
    """A result, its members where the model puts them."""
    shape = operation.output
    head = rest.write_head(shape, result, operation.success_status)
    headers = [("x-amzn-requestid", request_id), *head.headers]
    body, kind = b"", "application/json"
    if shape is not None and shape.payload is not None:
        item = head.body.get(shape.payload)
        body, kind = _write_payload(shape.members[shape.payload], item)
    elif shape is not None:
        body = orjson.dumps(values.write_structure(shape, head.body))
    if body and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("content-type", kind))
    return HttpResponse(head.status, tuple(headers), body)


def _write_payload(member: Shape, item: Any) -> tuple[bytes, str]:
    if item is None:
        return b"", ""
    if member.type == "blob":
        return item if isinstance(item, bytes) else str(item).encode(), "application/octet-stream"
    if member.type == "string":
        return str(item).encode(), "text/plain"
    return orjson.dumps(values.write(member, item)), "application/json"


def error(_service: Service, failure: Failure, request_id: str) -> HttpResponse:
    """An error: the code in ``x-amzn-errortype`` and ``__type``, the members as modelled."""
    members = failure.all_members()
    head = rest.Head(failure.status)
    if failure.shape is not None:
        located = {name: item for name, item in members.items() if name in failure.shape.members}
        head = rest.write_head(failure.shape, located, failure.status)
    headers = (
        ("content-type", "application/json"),
        ("x-amzn-requestid", request_id),
        ("x-amzn-errortype", failure.code),
        *head.headers,
    )
    body = orjson.dumps({"__type": failure.code, **failure.json_members()})
    return HttpResponse(failure.status, headers, body)
