"""Smithy RPC v2 CBOR: the operation in the path, everything else in one CBOR map (RFC 8949).

Invariant: nothing is read beyond the body, whatever lengths it claims, nor nested deeper than
``values.DEPTH_MAX``; an answer has definite lengths, and absent members stay absent.
https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
"""

import struct
from collections.abc import Mapping
from typing import Any, NoReturn

from hostler.aws import times
from hostler.aws.http import HttpRequest, HttpResponse
from hostler.aws.protocols import values
from hostler.aws.protocols.errors import UnreadableError
from hostler.aws.protocols.failure import Failure
from hostler.aws.shapes import Shape
from hostler.aws.specs import Operation, Service

_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _OTHER = range(8)
_EPOCH_TAG = 1
_INDEFINITE, _BREAK = 31, 0xFF
_FLOATS = {25: struct.Struct(">e"), 26: struct.Struct(">f"), 27: struct.Struct(">d")}
_DOUBLE = _FLOATS[27]
_SIMPLE = {20: False, 21: True, 22: None, 23: None}


def parse(operation: Operation, request: HttpRequest) -> dict[str, Any]:
    """The input members of a request."""
    if operation.input is None or not request.body:
        return {}
    result: dict[str, Any] = values.read(operation.input, loads(request.body), "")
    return result


def response(operation: Operation, result: Mapping[str, Any], request_id: str) -> HttpResponse:
    """A result; an operation without an output shape answers with an empty body."""
    body = bytearray()
    if operation.output is not None:
        _write(body, operation.output, result)
    headers = _headers(request_id)
    return HttpResponse(operation.success_status, headers if body else headers[1:], bytes(body))


def error(service: Service, failure: Failure, request_id: str) -> HttpResponse:
    """An error: ``__type``, the message under the shape's own name for it, further members."""
    headers = _headers(request_id)
    if service.query_compatible:
        fault = "Sender" if failure.sender else "Receiver"
        headers += (("x-amzn-query-error", f"{failure.code};{fault}"),)
    shape = failure.shape
    members = {name: item for name, item in failure.all_members().items() if item is not None}
    body = bytearray()
    _head(body, _MAP, 1 + len(members))
    _text(body, "__type")
    _text(body, shape.name if shape is not None else failure.code)
    for name, item in members.items():
        _text(body, name)
        if shape is not None and name in shape.members:
            _write(body, shape.members[name], item)
        else:
            _text(body, item)
    return HttpResponse(failure.status, headers, bytes(body))


def loads(body: bytes) -> Any:
    """A body's one data item; raises UnreadableError."""
    reader = _Reader(body)
    found = reader.item(0)
    if reader.at != len(body):
        raise UnreadableError("The body is not valid CBOR: something follows its end.")
    return found


class _Reader:
    """Reads data items from the front of a body."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.at = 0

    def item(self, depth: int) -> Any:
        """The next data item."""
        if depth > values.DEPTH_MAX:
            raise UnreadableError(f"The body is nested deeper than {values.DEPTH_MAX} levels.")
        first = self._take(1)[0]
        major, short = first >> 5, first & 31
        if major == _OTHER:
            return self._other(short)
        if short == _INDEFINITE:
            return self._indefinite(major, depth)
        size = self._argument(short)
        match major:
            case 0:
                return size
            case 1:
                return -1 - size
            case 2:
                return self._take(size)
            case 3:
                return _decoded(self._take(size))
            case 4:
                self._promised(size)
                return [self.item(depth + 1) for _ in range(size)]
            case 5:
                self._promised(size)
                return {self._key(depth): self.item(depth + 1) for _ in range(size)}
            case _:
                return self.item(depth + 1)  # what a tag says, the model says as well

    def _indefinite(self, major: int, depth: int) -> Any:
        if major in (_BYTES, _TEXT):
            whole: Any = b"" if major == _BYTES else ""
            parts = []
            while not self._ends():
                part = self.item(depth + 1)
                if not isinstance(part, type(whole)):
                    _invalid("a string of unknown length has parts of another kind")
                parts.append(part)
            return whole.join(parts)
        if major == _ARRAY:
            items = []
            while not self._ends():
                items.append(self.item(depth + 1))
            return items
        if major == _MAP:
            found = {}
            while not self._ends():
                key = self._key(depth)
                found[key] = self.item(depth + 1)
            return found
        return _invalid("an unknown length where there is none")

    def _other(self, short: int) -> Any:
        if short in _FLOATS:
            return _FLOATS[short].unpack(self._take(_FLOATS[short].size))[0]
        if short not in _SIMPLE:
            _invalid("an unknown simple value")
        return _SIMPLE[short]

    def _key(self, depth: int) -> str:
        key = self.item(depth + 1)
        if not isinstance(key, str):
            _invalid("a map's key is not a text")
        return str(key)

    def _argument(self, short: int) -> int:
        if short < 24:
            return short
        if short > 27:
            _invalid("a reserved length")
        return int.from_bytes(self._take(1 << (short - 24)))

    def _promised(self, items: int) -> None:
        """Each item has a byte at least: a lie about their number is told before it costs."""
        if items > len(self._body) - self.at:
            _invalid("it is cut short")

    def _ends(self) -> bool:
        if self.at < len(self._body) and self._body[self.at] == _BREAK:
            self.at += 1
            return True
        return False

    def _take(self, size: int) -> bytes:
        part = self._body[self.at : self.at + size]
        if len(part) < size:
            _invalid("it is cut short")
        self.at += size
        return part


def _invalid(why: str) -> NoReturn:
    raise UnreadableError(f"The body is not valid CBOR: {why}.")


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        _invalid("a text is not UTF-8")


def _write(out: bytearray, shape: Shape, value: Any) -> None:
    """A value in the form of its shape."""
    match shape.type:
        case "structure":
            present = [(name, item) for name, item in value.items() if item is not None]
            _head(out, _MAP, len(present))
            for name, item in present:
                _text(out, name)
                _write(out, shape.members[name], item)
        case "list":
            _head(out, _ARRAY, len(value))
            for item in value:
                _write(out, shape.member, item)
        case "map":
            _head(out, _MAP, len(value))
            for key, item in value.items():
                _text(out, key)
                _write(out, shape.value, item)
        case "boolean":
            out.append(0xF5 if value else 0xF4)
        case "integer" | "long":
            _head(out, _UNSIGNED if value >= 0 else _NEGATIVE, value if value >= 0 else -1 - value)
        case "float" | "double":
            _double(out, value)
        case "timestamp":
            _head(out, _TAG, _EPOCH_TAG)
            _double(out, times.seconds(value))
        case "blob":
            data = value.encode() if isinstance(value, str) else value
            _head(out, _BYTES, len(data))
            out += data
        case _:
            _text(out, value)


def _head(out: bytearray, major: int, argument: int) -> None:
    if argument < 24:
        out.append(major << 5 | argument)
        return
    size = 0 if argument < 1 << 8 else 1 if argument < 1 << 16 else 2 if argument < 1 << 32 else 3
    out.append(major << 5 | 24 + size)
    out += argument.to_bytes(1 << size)


def _text(out: bytearray, text: str) -> None:
    data = text.encode()
    _head(out, _TEXT, len(data))
    out += data


def _double(out: bytearray, value: float) -> None:
    out.append(_OTHER << 5 | 27)
    out += _DOUBLE.pack(value)


def _headers(request_id: str) -> tuple[tuple[str, str], ...]:
    return (
        ("content-type", "application/cbor"),
        ("smithy-protocol", "rpc-v2-cbor"),
        ("x-amzn-requestid", request_id),
    )
