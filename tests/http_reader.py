"""Requests read by the letter of RFC 9112: what a test compares the gateway with.

Slow, whole and unforgiving. Whatever the gateway hands on must be readable here, with one meaning.
"""

import re
from dataclasses import dataclass

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_LINE = re.compile(rb"(%b) (\S+) HTTP/(1\.[01])" % _TOKEN)
_FIELD = re.compile(rb"(%b):[ \t]*((?:[\x21-\x7e\x80-\xff][\t\x20-\x7e\x80-\xff]*)?)" % _TOKEN)
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?")


class UnreadableError(Exception):
    """It is no request."""


class IncompleteError(Exception):
    """It is the beginning of one, as far as can be told."""


@dataclass(frozen=True)
class Request:
    """One request; names in lower case."""

    method: bytes
    target: bytes
    version: bytes
    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def values(self, name: bytes) -> list[bytes]:
        return [value.strip(b" \t") for each, value in self.fields if each == name]


def read(data: bytes) -> tuple[Request, bytes]:
    """The first request and what follows it.

    Raises:
        UnreadableError: no bytes that could follow make it a request.
        IncompleteError: more is needed.
    """
    head, end, rest = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    if not end:
        lines.pop()  # may go on
    match = _LINE.fullmatch(lines[0]) if lines else None
    if lines and match is None:
        raise UnreadableError(lines[0])
    fields = [_field(line) for line in lines[1:]]
    if not end:
        raise IncompleteError
    assert match is not None
    made = Request(match[1], match[2], match[3], tuple(fields), b"")
    if len(made.values(b"host")) != 1 and (made.version == b"1.1" or made.values(b"host")):
        raise UnreadableError("Host")
    body, rest = _body(made, rest)
    return Request(made.method, made.target, made.version, made.fields, body), rest


def _field(line: bytes) -> tuple[bytes, bytes]:
    match = _FIELD.fullmatch(line)
    if match is None:
        raise UnreadableError(line)
    return match[1].lower(), match[2]


def _body(head: Request, rest: bytes) -> tuple[bytes, bytes]:
    lengths, codings = head.values(b"content-length"), head.values(b"transfer-encoding")
    if codings:
        named = [each.strip(b" \t").lower() for each in b",".join(codings).split(b",")]
        if lengths or head.version == b"1.0" or [each for each in named if each] != [b"chunked"]:
            raise UnreadableError("framing")
        return _chunks(rest)
    if not lengths:
        return b"", rest
    if len(lengths) > 1 or not re.fullmatch(rb"\d{1,20}", lengths[0]):
        raise UnreadableError("Content-Length")
    length = int(lengths[0])
    if len(rest) < length:
        raise IncompleteError
    return rest[:length], rest[length:]


def _chunks(rest: bytes) -> tuple[bytes, bytes]:
    body = b""
    while True:
        line, end, rest = rest.partition(b"\r\n")
        if not end:
            raise IncompleteError
        match = _CHUNK.fullmatch(line)
        if match is None:
            raise UnreadableError(line)
        size = int(match[1], 16)
        if size == 0:
            return body, _trailers(rest)
        if len(rest) < size + 2:
            raise IncompleteError
        if rest[size : size + 2] != b"\r\n":
            raise UnreadableError("the end of a chunk")
        body, rest = body + rest[:size], rest[size + 2 :]


def _trailers(rest: bytes) -> bytes:
    while True:
        line, end, rest = rest.partition(b"\r\n")
        if not end:
            raise IncompleteError
        if not line:
            return rest
        _field(line)


_LENIENT = re.compile(rb"[\r\n]*(\S+) +(\S+) +(?:HTTP|RTSP|ICE)(/1\.[01]\r\n)")
"""A request line as the gateway may read it (section 2.2: empty lines before it; section 3: more
than one space), and as llhttp does in the name of two other protocols."""


def all_of(data: bytes, *, lenient: bool = False) -> list[Request]:
    """Every request up to what is none, or not whole."""
    found = []
    while data:
        if lenient and (line := _LENIENT.match(data)):
            data = b"%b %b HTTP%b" % line.groups() + data[line.end() :]
        try:
            request, data = read(data)
        except (UnreadableError, IncompleteError):
            break
        found.append(request)
    return found
