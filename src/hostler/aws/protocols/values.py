"""JSON values to members and back, for the protocols whose bodies are JSON (and CBOR's to members).

Invariant: what is read has the model's types (times are floats, blobs bytes), whatever was sent;
members that the model does not know are left out, and absent ones stay absent.
"""

import base64
import binascii
import math
from collections.abc import Mapping
from typing import Any

import orjson

from hostler.aws import times
from hostler.aws.protocols.errors import UnreadableError
from hostler.aws.shapes import Shape

DEPTH_MAX = 64
"""Nesting of arrays and objects in a request."""

INTEGER_MAX = {"integer": 2**31 - 1, "long": 2**63 - 1}
"""The greatest of each type; the least is one further from zero."""

_KINDS = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def loads(body: bytes) -> Any:
    """The body as JSON; raises UnreadableError, also for nesting beyond DEPTH_MAX."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UnreadableError(f"The body is not valid JSON: {error.msg}.") from None
    if body.count(b"{") + body.count(b"[") > DEPTH_MAX and depth(value) > DEPTH_MAX:
        raise UnreadableError(f"The body is nested deeper than {DEPTH_MAX} levels.")
    return value


def depth(value: Any) -> int:
    """How deep arrays and objects are nested (counted to one beyond DEPTH_MAX); no recursion."""
    levels = 0
    layer = [value]
    while levels <= DEPTH_MAX and (layer := [v for v in layer if isinstance(v, dict | list)]):
        levels += 1
        layer = [child for v in layer for child in (v.values() if isinstance(v, dict) else v)]
    return levels


def read(shape: Shape, value: Any, path: str) -> Any:
    """A JSON value as the shape's type; ``path`` names it in an error's text.

    A null inside a list or a map stays None, for validation to refuse by name.
    """
    match shape.type:
        case "structure":
            return value if shape.document else _read_structure(shape, value, path)
        case "list":
            if not isinstance(value, list):
                raise _unexpected("a list", value, path)
            member = shape.member
            return [
                None if item is None else read(member, item, f"{path}.{number}.member")
                for number, item in enumerate(value, 1)
            ]
        case "map":
            if not isinstance(value, dict):
                raise _unexpected("an object", value, path)
            member = shape.value
            return {
                key: None if item is None else read(member, item, f"{path}.{key}.member")
                for key, item in value.items()
            }
        case _:
            return _read_scalar(shape, value, path)


def _read_structure(shape: Shape, value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _unexpected("an object", value, path)
    result: dict[str, Any] = {}
    prefix = f"{path}." if path else ""
    for name, member in shape.members.items():
        item = value.get(member.wire_name or name)
        if item is not None:
            result[name] = read(member, item, prefix + name[:1].lower() + name[1:])
    return result


def _read_scalar(shape: Shape, value: Any, path: str) -> Any:
    match shape.type:
        case "string" | "character":
            if not isinstance(value, str):
                raise _unexpected("a string", value, path)
            return value
        case "boolean":
            if not isinstance(value, bool):
                raise _unexpected("a boolean", value, path)
            return value
        case "integer" | "long":
            if isinstance(value, float) and value.is_integer():
                value = int(value)
            if not isinstance(value, int) or isinstance(value, bool):
                raise _unexpected("an integer", value, path)
            if not -INTEGER_MAX[shape.type] - 1 <= value <= INTEGER_MAX[shape.type]:
                raise _unexpected("a smaller integer", value, path)
            return value
        case "float" | "double":
            if isinstance(value, str) and value in NOT_FINITE:
                return NOT_FINITE[value]
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise _unexpected("a number", value, path)
            return float(value)
        case "timestamp":
            return _read_time(shape, value, path)
        case _:
            return _read_blob(value, path)


def _read_time(shape: Shape, value: Any, path: str) -> float:
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return times.bounded(float(value))
        if isinstance(value, str):
            return times.parse(value, times.form(shape.timestamp_format, "unixtimestamp"))
    except (ValueError, OverflowError):
        pass
    raise _unexpected("a timestamp", value, path)


def _read_blob(value: Any, path: str) -> bytes:
    if isinstance(value, bytes):  # CBOR has them
        return value
    if not isinstance(value, str):
        raise _unexpected("a base64 string", value, path)
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise _unexpected("a base64 string", value, path) from None


def _unexpected(expected: str, value: Any, path: str) -> UnreadableError:
    found = _KINDS.get(type(value), "a number")
    where = f" at '{path}'" if path else ""
    return UnreadableError(f"Expected {expected}{where} but found {found}.")


def write(shape: Shape, value: Any) -> Any:
    """A result as a JSON value of the shape; None members are left out, never null.

    Raises:
        KeyError: The result has a member that the shape lacks: a mistake of ours.
    """
    match shape.type:
        case "structure":
            return value if shape.document else write_structure(shape, value)
        case "list":
            member = shape.member
            return [None if item is None else write(member, item) for item in value]
        case "map":
            member = shape.value
            return {
                key: None if item is None else write(member, item) for key, item in value.items()
            }
        case "timestamp":
            form = times.form(shape.timestamp_format, "unixtimestamp")
            return times.seconds(value) if form == "unixtimestamp" else times.text(value, form)
        case "blob":
            data = value.encode() if isinstance(value, str) else value
            return base64.b64encode(data).decode()
        case "float" | "double":
            return value if math.isfinite(value) else not_finite(value)
        case _:
            return value


def write_structure(shape: Shape, value: Mapping[str, Any]) -> dict[str, Any]:
    """A structure's present members under their wire names."""
    members = shape.members
    return {
        members[name].wire_name or name: write(members[name], item)
        for name, item in value.items()
        if item is not None
    }


def not_finite(value: float) -> str:
    """The word for a number that neither JSON nor text can say."""
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
