"""SageMaker's application/x-recordio-protobuf: records of numbers, dense or sparse, both ways.

The layout is MXNet's RecordIO around the message ``Record`` that AWS's algorithms share
(https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-training.html). Invariant: a body is read
within its bounds; whatever does not fit is a BadInput.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Iterator, Mapping, Sequence, Union

from .failures import BadInput

TYPE = "application/x-recordio-protobuf"
_MAGIC = 0xCED7230A
_HEAD = struct.Struct("<II")
_LENGTH_MAX = (1 << 29) - 1
_VALUES = "values"
_VARINT, _EIGHT, _TEXT, _FOUR = 0, 1, 2, 5  # protobuf's wire types
_FLOAT32, _FLOAT64, _INT32 = 2, 3, 7  # the fields of the message Value
_SPARSE_WIDTH_MAX = 1 << 31

Field = Union[int, bytes]


@dataclass(frozen=True)
class Row:
    """One record: its cells, and where they stand; ``keys`` is empty for a dense one."""

    values: tuple[float, ...]
    keys: tuple[int, ...] = ()
    width: int = 0


def decode(body: bytes) -> list[Row]:
    """The records' features; labels are left out. Raises BadInput."""
    try:
        rows = [_row(payload) for payload in _payloads(body)]
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise BadInput(f"The body is not recordio-protobuf: {error}") from None
    if not rows:
        raise BadInput("The body holds no record.")
    return rows


def encode(records: Sequence[Mapping[str, Sequence[float]]]) -> bytes:
    """Records whose labels are these lists of float32 by name, as AWS's algorithms answer."""
    out = bytearray()
    for record in records:
        message = b""
        for name, numbers in record.items():
            packed = struct.pack(f"<{len(numbers)}f", *numbers)
            value = _field(_FLOAT32, _field(1, packed))
            message += _field(2, _field(1, name.encode()) + _field(2, value))
        out += _HEAD.pack(_MAGIC, len(message)) + message + bytes(-len(message) % 4)
    return bytes(out)


def _payloads(body: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(body):
        magic, length = _HEAD.unpack_from(body, at)
        if magic != _MAGIC:
            raise BadInput("The body is not recordio-protobuf: a record does not begin as one.")
        if length > _LENGTH_MAX:
            raise BadInput("The body is not recordio-protobuf: its records come in parts.")
        at += _HEAD.size
        if at + length > len(body):
            raise BadInput("The body is not recordio-protobuf: its last record is cut off.")
        yield body[at : at + length]
        at += length + -length % 4


def _row(record: bytes) -> Row:
    for number, entry in _fields(record):
        if number != 1 or not isinstance(entry, bytes):
            continue
        parts = dict(_fields(entry))
        if _bytes(parts.get(1, b"")).decode() == _VALUES:
            return _tensor(_bytes(parts.get(2, b"")))
    raise BadInput(f'A record has no feature "{_VALUES}".')


def _tensor(value: bytes) -> Row:
    for number, tensor in _fields(value):
        if number not in (_FLOAT32, _FLOAT64, _INT32):
            continue
        values: list[float] = []
        keys: list[int] = []
        shape: list[int] = []
        for field, content in _fields(_bytes(tensor)):
            if field == 1:
                values += _numbers(number, content)
            elif field == 2:
                keys += _varints(content)
            elif field == 3:
                shape += _varints(content)
        if keys and len(keys) != len(values):
            raise BadInput(f"A record has {len(values)} values and {len(keys)} keys.")
        width = shape[-1] if shape else max(keys, default=-1) + 1
        if keys and (max(keys) >= width or width > _SPARSE_WIDTH_MAX):
            raise BadInput("A record has a key outside its shape.")
        return Row(tuple(values), tuple(keys), width)
    raise BadInput(f'A record\'s "{_VALUES}" are not numbers.')


def _numbers(kind: int, content: Field) -> Sequence[float]:
    if kind == _INT32:
        return [each - (1 << 64) if each >> 63 else each for each in _varints(content)]
    if isinstance(content, int):  # not packed: one number's bits
        form = "<f" if kind == _FLOAT32 else "<d"
        return struct.unpack(form, struct.pack("<I" if kind == _FLOAT32 else "<Q", content))
    size, letter = (4, "f") if kind == _FLOAT32 else (8, "d")
    return struct.unpack(f"<{len(content) // size}{letter}", content)


def _varints(content: Field) -> list[int]:
    if isinstance(content, int):
        return [content]
    numbers, at = [], 0
    while at < len(content):
        number, at = _varint(content, at)
        numbers.append(number)
    return numbers


def _fields(message: bytes) -> Iterator[tuple[int, Field]]:
    """A protobuf message's fields in their order: (number, integer or bytes)."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield number, value
        elif kind in (_EIGHT, _FOUR):
            form = "<Q" if kind == _EIGHT else "<I"
            yield number, struct.unpack_from(form, message, at)[0]
            at += struct.calcsize(form)
        elif kind == _TEXT:
            length, at = _varint(message, at)
            if at + length > len(message):
                raise BadInput("The body is not recordio-protobuf: a field is cut off.")
            yield number, message[at : at + length]
            at += length
        else:
            raise BadInput("The body is not recordio-protobuf: an unknown wire type.")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number & (1 << 64) - 1, at
    raise BadInput("The body is not recordio-protobuf: a number is too long.")


def _field(number: int, content: bytes) -> bytes:
    head, length = bytearray([number << 3 | _TEXT]), len(content)
    while length > 0x7F:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes(head) + bytes([length]) + content


def _bytes(content: Field) -> bytes:
    if isinstance(content, int):
        raise BadInput("The body is not recordio-protobuf: a number stands for a message.")
    return content
