"""Whether two models' answers to one request say the same.

Invariant: pure, and bounded by the answers' sizes. Numbers are close when they differ by no more
than a tolerance relative to the larger; whatever is no number must be the same.
"""

import ast
import csv
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from math import isclose, isnan
from typing import Any, NamedTuple

import orjson

TOLERANCE = 1e-6
"""Relative, where nothing else is asked for: what batching and other builds of a library change."""
ABSOLUTE = 1e-8
"""So far from 0 a number is as good as 0, which nothing is relatively close to (numpy.allclose)."""

_NPY_MAGIC = b"\x93NUMPY"
_NPY_TYPES: Mapping[str, str] = {
    "f2": "e", "f4": "f", "f8": "d", "b1": "?",
    "i1": "b", "i2": "h", "i4": "i", "i8": "q", "u1": "B", "u2": "H", "u4": "I", "u8": "Q",
}  # fmt: skip


class Agreement(StrEnum):
    """What became of a comparison."""

    EQUAL = "equal"
    """The same bytes, or the same values written otherwise."""
    CLOSE = "close"
    """The same but for numbers within the tolerance."""
    DIFFERENT = "different"


class Answer(NamedTuple):
    """A model's: its status, its content type as it wrote it, its body."""

    status: int
    content_type: str
    body: bytes

    @property
    def media_type(self) -> str:
        return self.content_type.partition(";")[0].strip().lower()

    @property
    def failed(self) -> bool:
        return not 200 <= self.status < 300


def at_once(one: Answer, other: Answer) -> Agreement | None:
    """What can be told without reading the bodies; None where they have to be."""
    if one.failed or other.failed:
        return Agreement.EQUAL if one.status == other.status else Agreement.DIFFERENT
    if one.media_type != other.media_type:
        return Agreement.DIFFERENT
    if one.body == other.body:
        return Agreement.EQUAL
    return None if _reader(one.media_type) is not None else Agreement.DIFFERENT


def judge(one: Answer, other: Answer, tolerance: float = TOLERANCE) -> Agreement:
    """The same, with the bodies read by their content type."""
    told = at_once(one, other)
    read = _reader(one.media_type)
    if told is not None or read is None:
        return told or Agreement.DIFFERENT
    try:
        pairs = list(_pairs(read(one.body), read(other.body)))
    except (_UnreadableError, RecursionError):
        return Agreement.DIFFERENT  # their bytes do
    found = Agreement.EQUAL
    for left, right in pairs:
        if type(left) is type(right) and left == right:
            continue
        if not _close(left, right, tolerance):
            return Agreement.DIFFERENT
        found = Agreement.CLOSE
    return found


class _UnreadableError(Exception):
    """A body is not what its content type says, or of a kind that is not read."""


_Reader = Callable[[bytes], Any]


def _reader(media_type: str) -> _Reader | None:
    match media_type:
        case "text/csv":
            return _csv
        case "application/x-npy":
            return _npy
        case "application/jsonlines" | "application/x-ndjson":
            return _json_lines
    return _json if media_type == "application/json" or media_type.endswith("+json") else None


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _UnreadableError from error


def _json_lines(body: bytes) -> Any:
    return [_json(line) for line in body.splitlines() if line.strip()]


def _csv(body: bytes) -> Any:
    try:
        rows = csv.reader(body.decode().splitlines(), strict=True)
        return [[_number(cell) for cell in row] for row in rows]
    except (UnicodeDecodeError, csv.Error) as error:
        raise _UnreadableError from error


def _number(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell.strip()


def _npy(body: bytes) -> Any:
    """An array of numbers: its shape, order and kind, and its values one after the other."""
    if not body.startswith(_NPY_MAGIC):
        raise _UnreadableError
    try:
        length, start = (
            (*struct.unpack_from("<H", body, 8), 10)
            if body[6] == 1
            else (*struct.unpack_from("<I", body, 8), 12)
        )
        header = ast.literal_eval(body[start : start + length].decode("latin-1"))
        order, kind = header["descr"][0], header["descr"][1:]
        code = _NPY_TYPES[kind]
        size = struct.calcsize(f"={code}")
        count, rest = divmod(len(body) - start - length, size)
        if rest:
            raise _UnreadableError
        order = ">" if order == ">" else "<"
        values = struct.unpack_from(f"{order}{count}{code}", body, start + length)
        shape, is_fortran = list(header["shape"]), bool(header["fortran_order"])
    except (struct.error, SyntaxError, ValueError, TypeError, KeyError, IndexError) as error:
        raise _UnreadableError from error
    return [shape, is_fortran, kind, list(values)]


def _pairs(one: Any, other: Any) -> Iterator[tuple[Any, Any]]:
    """The leaves of two values side by side; where one has none, a pair that is never close."""
    if isinstance(one, dict) and isinstance(other, dict):
        if one.keys() != other.keys():
            yield "", None
            return
        for key, value in one.items():
            yield from _pairs(value, other[key])
    elif isinstance(one, list) and isinstance(other, list):
        yield from _items(one, other)
    else:
        yield one, other


def _items(one: Sequence[Any], other: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    if len(one) != len(other):
        yield "", None
        return
    for left, right in zip(one, other, strict=True):
        if isinstance(left, list | dict):
            yield from _pairs(left, right)
        else:
            yield left, right


def _close(one: Any, other: Any, tolerance: float) -> bool:
    numbers = isinstance(one, int | float) and isinstance(other, int | float)
    if not numbers or isinstance(one, bool) or isinstance(other, bool):
        return False
    try:
        both_nan = isnan(one) and isnan(other)
        return both_nan or isclose(one, other, rel_tol=tolerance, abs_tol=ABSOLUTE)
    except OverflowError:  # an integer beyond every float
        return False
