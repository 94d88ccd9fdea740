"""How values are distributed, in logarithmic buckets: percentiles with a bounded relative error.

Bucket ``k`` holds the values in (g^(k-1), g^k] with g = (1 + ERROR) / (1 - ERROR), and stands for
2g^k / (g + 1), from which none of them is further than ``ERROR`` of itself. Adding two sketches
adds their counts, so the sketch of a long period is the sum of those of short ones and has the same
error, in whatever order they came.

Invariant: pure values. Keys are in the order of what they stand for: negative values, 0, positive.
After Masson, Rim and Lee, «DDSketch» (VLDB 2019), without its collapsing of buckets: CloudWatch's
range of values bounds their number.
"""

import math
import struct
from collections.abc import Iterable, Mapping
from typing import TypeAlias

ERROR = 0.01
"""The greatest relative error of a percentile."""

Sketch: TypeAlias = Mapping[int, float]
"""How many values a bucket has, by its key; counts need not be whole numbers."""

VERSION = 1
_GAMMA = (1 + ERROR) / (1 - ERROR)
_LOG_GAMMA = math.log(_GAMMA)
_SHIFT = 40_000
"""Beyond the index of any double, so that the key of a positive value is positive."""
_COUNT = struct.Struct("<d")


class SketchError(ValueError):
    """The bytes are no sketch of this version."""


def key_of(value: float) -> int:
    """The bucket of a finite value."""
    if value == 0.0:
        return 0
    key = math.ceil(math.log(abs(value)) / _LOG_GAMMA) + _SHIFT
    return key if value > 0 else -key


def value_of(key: int) -> float:
    """What a bucket stands for."""
    if key == 0:
        return 0.0
    value = 2.0 * math.exp((abs(key) - _SHIFT) * _LOG_GAMMA) / (_GAMMA + 1.0)
    return value if key > 0 else -value


def of_values(values: Iterable[tuple[float, float]]) -> dict[int, float]:
    """The sketch of (value, count) pairs."""
    found: dict[int, float] = {}
    for value, count in values:
        if count > 0:
            key = key_of(value)
            found[key] = found.get(key, 0.0) + count
    return found


def added(one: Sketch, other: Sketch) -> dict[int, float]:
    """The sketch of both together."""
    total = dict(one)
    for key, count in other.items():
        total[key] = total.get(key, 0.0) + count
    return total


def percentile(sketch: Sketch, percent: float) -> float:
    """The value below which ``percent`` (0 … 100) of the values are; NaN of an empty sketch."""
    last = sum(sketch.values()) - 1.0
    rank = last * percent / 100.0
    seen = 0.0
    key = None
    for key in sorted(sketch):
        seen += sketch[key]
        if seen > rank:
            break
    return math.nan if key is None else value_of(key)


def encode(sketch: Sketch) -> bytes:
    """A sketch as bytes: the version, then the distances of keys and their counts.

    Numbers are in LEB128; a count is doubled, or, where it is not whole, 1 and a double.
    """
    out = bytearray((VERSION,))
    before = -1 << 20
    for key in sorted(sketch):
        count = sketch[key]
        _put(out, key - before)
        before = key
        if count.is_integer() and count < 1 << 53:
            _put(out, int(count) << 1)
        else:
            _put(out, 1)
            out += _COUNT.pack(count)
    return bytes(out)


def decode(data: bytes) -> dict[int, float]:
    """The inverse of ``encode``.

    Raises:
        SketchError: The bytes are not its.
    """
    if not data or data[0] != VERSION:
        raise SketchError("not a sketch of this version")
    found: dict[int, float] = {}
    at, end, key = 1, len(data), -1 << 20
    try:
        while at < end:
            # Nearly every number is one byte, and sketches are read by the thousand.
            step = data[at]
            at += 1
            if step > 0x7F:
                step, at = _take(data, at - 1)
            key += step
            count = data[at]
            at += 1
            if count > 0x7F:
                count, at = _take(data, at - 1)
            if count & 1:
                found[key] = _COUNT.unpack_from(data, at)[0]
                at += _COUNT.size
            else:
                found[key] = float(count >> 1)
    except (IndexError, struct.error):
        raise SketchError("the sketch is cut short") from None
    return found


def _put(out: bytearray, number: int) -> None:
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)


def _take(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7
