"""What REST operations carry outside their body: labels, query parameters, headers, the status.

Invariant: a value in the head is text on the wire and the model's type here; both REST protocols
read and write heads by these functions only.
"""

import base64
import binascii
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from hostler.aws import times, uri
from hostler.aws.http import HttpRequest
from hostler.aws.protocols.errors import UnreadableError
from hostler.aws.protocols.values import INTEGER_MAX, NOT_FINITE, not_finite
from hostler.aws.shapes import Shape
from hostler.aws.specs import Operation
from hostler.aws.virtualhost import effective_path

_QUOTED_OR_BARE = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^,]*))\s*(?:,|$)')


def read_head(operation: Operation, request: HttpRequest) -> dict[str, Any]:
    """The members of a request that are not in its body."""
    shape = operation.input
    if shape is None:
        return {}
    labels = uri.template(operation.uri).path_labels(
        effective_path(operation.service.name, request)
    )
    query = uri.multidict(request.raw_query)
    result: dict[str, Any] = {}
    for name, member in shape.members.items():
        wire = name if member.wire_name is None else member.wire_name
        match member.location:
            case "uri":
                if labels is not None and wire in labels:
                    result[name] = read_text(member, labels[wire], name, "iso8601")
            case "querystring":
                if member.type == "map":
                    if found := _query_map(shape, member, query):
                        result[name] = found
                elif wire in query:
                    result[name] = _read_query(member, query[wire], name)
            case "header":
                if (value := request.header.get(wire.lower())) is not None:
                    result[name] = _read_header(member, value, name)
            case "headers":
                if headers := _prefixed(wire.lower(), request.headers):
                    result[name] = headers
            case _:
                pass
    return result


def parse(
    operation: Operation,
    request: HttpRequest,
    *,
    read_document: Callable[[Shape, bytes, str], Any],
    read_members: Callable[[Shape, bytes], dict[str, Any]],
) -> dict[str, Any]:
    """The input members of a request; an absent body leaves the payload out.

    Args:
        operation: What is asked for.
        request: The whole of it.
        read_document: Reads a payload that has a structure, of the name given.
        read_members: Reads a body that holds the members with no other place.
    """
    result = read_head(operation, request)
    shape = operation.input
    if shape is None or not request.body:
        return result
    if shape.payload is not None:
        member = shape.members[shape.payload]
        result[shape.payload] = read_payload(member, request.body, shape.payload, read_document)
    elif any(member.location is None for member in shape.members.values()):
        result.update(read_members(shape, request.body))
    return result


def read_payload(
    member: Shape, body: bytes, name: str, structured: Callable[[Shape, bytes, str], Any]
) -> Any:
    """A payload: bytes and text as they are, anything else by ``structured``."""
    if member.type == "blob":
        return body
    if member.type == "string":
        try:
            return body.decode()
        except UnicodeDecodeError:
            raise UnreadableError(f"{name} is not UTF-8.") from None
    return structured(member, body, name)


def _read_query(member: Shape, values: list[str], name: str) -> Any:
    if member.type == "list":
        return [read_text(member.member, value, name, "iso8601") for value in values]
    return read_text(member, values[0], name, "iso8601")


def _query_map(shape: Shape, member: Shape, query: Mapping[str, list[str]]) -> dict[str, Any]:
    """The parameters by name: all of them where it holds lists, else those no member claims.

    So it is in the protocol's published cases; none of the services here has such a member.
    """
    if member.value.type == "list":
        return dict(query)
    claimed = {
        other.wire_name or name
        for name, other in shape.members.items()
        if other.location == "querystring" and other.type != "map"
    }
    return {key: values[0] for key, values in query.items() if key not in claimed}


def _prefixed(prefix: str, headers: tuple[tuple[str, str], ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in headers:
        if name.startswith(prefix):
            key = name[len(prefix) :]
            found[key] = f"{found[key]},{text(value)}" if key in found else text(value)
    return found


def text(value: str) -> str:
    """A header's value, received as latin-1, as the UTF-8 that clients send where it is that."""
    if value.isascii():
        return value
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


def _read_header(member: Shape, value: str, name: str) -> Any:
    if member.type == "list":
        return [read_text(member.member, item, name, "rfc822") for item in _split(member, value)]
    if member.json_value:
        try:
            return orjson.loads(base64.b64decode(value, validate=True))
        except ValueError:
            raise UnreadableError(f"The header of {name} is not base64 of JSON.", "head") from None
    return read_text(member, text(value), name, "rfc822")


def _split(member: Shape, value: str) -> list[str]:
    """A list in one header: comma separated, quoted where an item has a comma."""
    element = member.member
    if element.type == "timestamp" and times.form(element.timestamp_format, "rfc822") == "rfc822":
        parts = value.split(",")  # each date has a comma of its own
        return [",".join(parts[i : i + 2]).strip() for i in range(0, len(parts), 2)]
    if element.type != "string":
        return [item.strip() for item in value.split(",")]
    items: list[str] = []
    at = 0
    while at < len(value):
        found = _QUOTED_OR_BARE.match(value, at)
        if found is None:
            raise UnreadableError("A header's quotes are not closed.", "head")
        quoted, bare = found.groups()
        items.append(re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare.strip())
        at = found.end()
    return items


def read_text(shape: Shape, value: str, name: str, usual: times.Format) -> Any:
    """One textual value as the shape's type; also XML's and the query protocol's."""
    try:
        return _READERS[shape.type](shape, value, usual)
    except (ValueError, KeyError, binascii.Error):
        raise UnreadableError(
            f"{name} is not a valid {shape.type}: '{value[:100]}'.", "head"
        ) from None


def _integer(shape: Shape, value: str, _usual: times.Format) -> int:
    if re.fullmatch(r"\s*[+-]?\d{1,20}\s*", value, re.ASCII) is None:
        raise ValueError(value)
    greatest = INTEGER_MAX[shape.type]
    if not -greatest - 1 <= int(value) <= greatest:
        raise ValueError(value)
    return int(value)


def _number(_shape: Shape, value: str, _usual: times.Format) -> float:
    if value in NOT_FINITE:
        return NOT_FINITE[value]
    if re.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", value[:400], re.ASCII) is None:
        raise ValueError(value)
    return float(value)


def _boolean(_shape: Shape, value: str, _usual: times.Format) -> bool:
    return {"true": True, "false": False}[value.strip().lower()]


def _time(shape: Shape, value: str, usual: times.Format) -> float:
    return times.parse(value, times.form(shape.timestamp_format, usual))


def _blob(_shape: Shape, value: str, _usual: times.Format) -> bytes:
    return base64.b64decode(value.encode("ascii"), validate=True)


def _string(_shape: Shape, value: str, _usual: times.Format) -> str:
    return value


_READERS: Mapping[str, Callable[[Shape, str, times.Format], Any]] = {
    "string": _string,
    "character": _string,
    "integer": _integer,
    "long": _integer,
    "float": _number,
    "double": _number,
    "boolean": _boolean,
    "timestamp": _time,
    "blob": _blob,
}


def write_text(shape: Shape, value: Any, usual: times.Format) -> str:
    """One value as text; also XML's."""
    match shape.type:
        case "boolean":
            return "true" if value else "false"
        case "timestamp":
            return times.text(value, times.form(shape.timestamp_format, usual))
        case "blob":
            return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()
        case "float" | "double" if not math.isfinite(value):
            return not_finite(value)
        case _:
            return str(value)


@dataclass(slots=True)
class Head:
    """What a result says outside its body."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: dict[str, Any] = field(default_factory=dict)
    """The members that are left for the body."""


def write_head(shape: Shape | None, result: Mapping[str, Any], status: int) -> Head:
    """Splits a result between head and body; absent (None) members are dropped."""
    head = Head(status)
    for name, item in result.items():
        if item is None or shape is None:
            continue
        member = shape.members[name]
        wire = name if member.wire_name is None else member.wire_name
        match member.location:
            case "statusCode":
                head.status = int(item)
            case "header":
                head.headers.append((wire, _write_header(member, item)))
            case "headers":
                head.headers.extend((wire + key, wire_text(value)) for key, value in item.items())
            case _:
                head.body[name] = item
    return head


def _write_header(member: Shape, item: Any) -> str:
    if member.type == "list":
        return ", ".join(_list_item(member.member, each) for each in item)
    if member.json_value:
        return base64.b64encode(orjson.dumps(item)).decode()
    return wire_text(write_text(member, item, "rfc822"))


def _list_item(shape: Shape, item: Any) -> str:
    written = wire_text(write_text(shape, item, "rfc822"))
    if shape.type == "string" and ("," in written or '"' in written):
        return '"' + written.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return written


def wire_text(value: str) -> str:
    """Text for a header: UTF-8 bytes as latin-1 characters, and never a line break."""
    if "\r" in value or "\n" in value:
        value = value.replace("\r", " ").replace("\n", " ")
    return value if value.isascii() else value.encode().decode("latin-1")
