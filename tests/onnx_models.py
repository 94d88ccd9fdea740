"""ONNX models written byte by byte: the package that makes them is in no runtime."""

import struct
from collections.abc import Sequence

FLOAT, INT64 = 1, 7


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _part(number: int, content: bytes | str) -> bytes:
    data = content.encode() if isinstance(content, str) else content
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _tensor_info(name: str, kind: int, shape: Sequence[int | str]) -> bytes:
    dims = b"".join(
        _part(1, _number(1, size) if isinstance(size, int) else _part(2, size)) for size in shape
    )
    return _part(1, name) + _part(2, _part(1, _number(1, kind) + _part(2, dims)))


def _weights(name: str, values: Sequence[float], shape: Sequence[int]) -> bytes:
    dims = b"".join(_number(1, size) for size in shape)
    raw = struct.pack(f"<{len(values)}f", *values)
    return dims + _number(2, FLOAT) + _part(8, name) + _part(9, raw)


def _model(graph: bytes) -> bytes:
    return _number(1, 8) + _part(2, "hostler-tests") + _part(7, graph) + _part(8, _number(2, 17))


def linear(weights: Sequence[float]) -> bytes:
    """``y = x · weights`` for rows of floats."""
    node = _part(1, "x") + _part(1, "w") + _part(2, "y") + _part(4, "MatMul")
    width = len(weights)
    return _model(
        _part(1, node)
        + _part(2, "linear")
        + _part(5, _weights("w", weights, (width, 1)))
        + _part(11, _tensor_info("x", FLOAT, ("rows", width)))
        + _part(12, _tensor_info("y", FLOAT, ("rows", 1)))
    )


def sum_and_product() -> bytes:
    """Two inputs of whole numbers, two outputs."""
    nodes = [
        _part(1, "a") + _part(1, "b") + _part(2, name) + _part(4, operator)
        for name, operator in (("sum", "Add"), ("product", "Mul"))
    ]
    tensors = [_tensor_info(name, INT64, ("n",)) for name in ("a", "b", "sum", "product")]
    return _model(
        b"".join(_part(1, node) for node in nodes)
        + _part(2, "both")
        + b"".join(_part(11, each) for each in tensors[:2])
        + b"".join(_part(12, each) for each in tensors[2:])
    )
