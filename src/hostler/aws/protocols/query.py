"""The query protocol: a form in (``Tags.member.1.Key=…``), XML out (iam, sts, sns).

Invariant: the form becomes a tree once, by its dots, and the shapes are read from the tree; so a
request costs what its size is, whatever indices it names.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from hostler.aws import uri
from hostler.aws.http import HttpRequest, HttpResponse
from hostler.aws.protocols import rest, xml
from hostler.aws.protocols.errors import UnreadableError
from hostler.aws.protocols.failure import Failure
from hostler.aws.shapes import Shape
from hostler.aws.specs import Operation, Service

DEPTH_MAX = 64
"""Dots in one parameter's name."""
_ACTION = re.compile(rb"(?:^|&)Action=([^&]{0,128})(?=&|\Z)")


class Node:
    """One name of the form: its own value, if it has one, and what is below it."""

    __slots__ = ("below", "value")

    def __init__(self) -> None:
        self.value: str | None = None
        self.below: dict[str, Node] = {}

    def numbered(self) -> Iterator["Node"]:
        """The children named by numbers, in numerical order."""
        keys = [key for key in self.below if key.isascii() and key.isdigit() and len(key) <= 6]
        for key in sorted(keys, key=int):
            yield self.below[key]


def action_of(request: HttpRequest) -> str:
    """The operation that a form asks for; empty where it names none.

    Nothing else of it is read: nobody knows yet whose request it is.
    """
    target = request.raw_query.encode("latin-1")
    for form in (request.body, target):  # the body's counts, and the last of several
        if found := _ACTION.findall(form):
            return uri.decode(found[-1].decode("latin-1"), plus=True)
    return ""


def form_of(request: HttpRequest) -> dict[str, str]:
    """The parameters of the body, and of the query string beneath them."""
    found = dict(uri.pairs(request.raw_query))
    if request.body:
        found.update(uri.pairs(request.body.decode("latin-1")))
    return found


def parse(operation: Operation, request: HttpRequest) -> dict[str, Any]:
    """The input members of a request."""
    if operation.input is None:
        return {}
    root = Node()
    for name, value in form_of(request).items():
        parts = name.split(".")
        if len(parts) > DEPTH_MAX:
            raise UnreadableError(f"A parameter's name has more than {DEPTH_MAX} parts.")
        node = root
        for part in parts:
            node = node.below.setdefault(part, Node())
        node.value = value
    return _read_structure(operation.input, root)


def _read_structure(shape: Shape, node: Node) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, member in shape.members.items():
        found = node.below.get(member.wire_name or name)
        if found is None and member.type == "list" and member.flattened:
            # botocore names a flattened list by what it holds, where the model has such a name.
            found = node.below.get(member.member.wire_name or name)
        if found is not None:
            result[name] = _read(member, found, name)
    return result


def _read(shape: Shape, node: Node, name: str) -> Any:
    match shape.type:
        case "structure":
            return _read_structure(shape, node)
        case "list":
            if not shape.flattened:
                node = node.below.get(shape.member.wire_name or "member", Node())
            return [_read(shape.member, item, name) for item in node.numbered()]
        case "map":
            return _read_map(shape, node, name)
        case _:
            if node.value is None:
                raise UnreadableError(f"{name} must be a value, not a structure.")
            return rest.read_text(shape, node.value, name, "iso8601")


def _read_map(shape: Shape, node: Node, name: str) -> dict[str, Any]:
    if not shape.flattened:
        node = node.below.get("entry", Node())
    key_name = shape.key.wire_name or "key"
    value_name = shape.value.wire_name or "value"
    result: dict[str, Any] = {}
    for entry in node.numbered():
        key, value = entry.below.get(key_name), entry.below.get(value_name)
        if key is None or key.value is None:
            raise UnreadableError(f"An entry of {name} has no key.")
        result[key.value] = None if value is None else _read(shape.value, value, name)
    return result


def response(operation: Operation, result: Mapping[str, Any], request_id: str) -> HttpResponse:
    """A result in its wrapper, with the request's id."""
    writer = xml.Writer()
    shape = operation.output
    with writer.element(f"{operation.name}Response", xmlns=operation.service.xml_namespace):
        if shape is not None and shape.result_wrapper is not None:
            with writer.element(shape.result_wrapper):
                xml.write_members(writer, shape, result)
        elif shape is not None:
            xml.write_members(writer, shape, result)
        with writer.element("ResponseMetadata"):
            writer.leaf("RequestId", request_id)
    return HttpResponse(operation.success_status, _headers(request_id), writer.document())


def error(service: Service, failure: Failure, request_id: str) -> HttpResponse:
    """``ErrorResponse``: who erred, the query code, the message, further members."""
    writer = xml.Writer()
    with writer.element("ErrorResponse", xmlns=service.xml_namespace):
        with writer.element("Error"):
            writer.leaf("Type", "Sender" if failure.sender else "Receiver")
            writer.leaf("Code", failure.code)
            writer.leaf("Message", failure.message)
            if failure.shape is not None:
                extra = failure.all_members()
                del extra[failure.message_member]
                xml.write_members(writer, failure.shape, extra)
        writer.leaf("RequestId", request_id)
    return HttpResponse(failure.status, _headers(request_id), writer.document())


def _headers(request_id: str) -> tuple[tuple[str, str], ...]:
    return (("content-type", "text/xml"), ("x-amzn-requestid", request_id))
