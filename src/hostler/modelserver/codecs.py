"""Bodies to values and back: JSON, header-less CSV, and numpy's npy and npz.

Invariant: nothing is ever unpickled from a request. numpy and orjson are used where the model's
environment has them; without them JSON and CSV still work, on plain lists.
"""

from __future__ import annotations

import csv
import io
import json
import math
import zipfile
import zlib
from typing import Any, Callable

from . import media
from .failures import BadInput, NotAcceptable, UnsupportedContentType

orjson: Any
try:
    import orjson
except ImportError:
    orjson = None

_WRAPPERS = ("features", "instances", "inputs")


def numpy_or_none() -> Any:
    """The numpy of the model's environment, if it has one."""
    try:
        import numpy  # noqa: ICN001, PLC0415 - only some environments have it
    except ImportError:
        return None
    return numpy


def parse_json(body: bytes) -> Any:
    """JSON text as Python values.

    Raises:
        BadInput: it is not JSON, or nested too deeply.
    """
    try:
        if orjson is not None:
            return orjson.loads(body)
        return json.loads(body)
    except RecursionError:
        raise BadInput("The body's JSON is nested too deeply.") from None
    except ValueError as error:
        if orjson is not None and (b"NaN" in body or b"Infinity" in body):
            return _parse_json_of_python(body)
        raise BadInput(f"The body is not valid JSON: {error}") from None


def _parse_json_of_python(body: bytes) -> Any:
    """JSON with the NaN and Infinity that Python's ``json.dumps`` writes."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"The body is not valid JSON: {error}") from None


def dump_json(value: Any) -> bytes:
    """Values as JSON; arrays, tensors and numpy's scalars by their ``tolist``.

    NaN and infinities are written by these names, as AWS's toolkits do.
    """
    if orjson is not None:
        try:
            dumped: bytes = orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS)
        except TypeError:
            pass  # integers above 64 bits, deep nesting: the standard library has no such limit
        else:
            return _with_nan(value, dumped) if b"null" in dumped else dumped
    return json.dumps(value, default=_plain).encode()


def _with_nan(value: Any, dumped: bytes) -> bytes:
    """What orjson wrote, or the standard library's text where a null of it was not None."""
    try:
        text = json.dumps(value, default=_plain)
    except (TypeError, ValueError, RecursionError):  # times and the like, which orjson knows
        return dumped
    return text.encode() if "NaN" in text or "Infinity" in text else dumped


def _plain(value: Any) -> Any:
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, float):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def unwrap(value: Any) -> tuple[Any, bool]:
    """What ``{"features": …}`` (or instances, inputs) wraps, and whether something did."""
    if isinstance(value, dict):
        for name in _WRAPPERS:
            if name in value:
                return value[name], True
    return value, False


def parse_csv(body: bytes) -> list[list[Any]]:
    """Rows of a header-less CSV: numbers where every cell of it reads as one, text elsewhere."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"The body is not UTF-8 text: {error}") from None
    try:
        if '"' in text:
            rows: list[list[str]] = [row for row in csv.reader(io.StringIO(text)) if row]
        else:
            rows = [line.split(",") for line in text.splitlines() if line.strip()]
    except csv.Error as error:
        raise BadInput(f"The body is not valid CSV: {error}") from None
    if not rows:
        raise BadInput("The body holds no CSV row.")
    width = len(rows[0])
    for number, row in enumerate(rows, 1):
        if len(row) != width:
            raise BadInput(f"CSV row {number} has {len(row)} cells, the first row has {width}.")
    values = [[_cell(cell) for cell in row] for row in rows]
    if len(values) > 1 and _all_text(values[0]) and not any(map(_any_text, values[1:])):
        raise BadInput("The first CSV row is not numeric: send text/csv without a header row.")
    return values


def _cell(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text.strip() or math.nan


def _all_text(row: list[Any]) -> bool:
    return all(isinstance(cell, str) for cell in row)


def _any_text(row: list[Any]) -> bool:
    return any(isinstance(cell, str) for cell in row)


_MALFORMED = (ValueError, EOFError, OSError, KeyError, NotImplementedError, RuntimeError)
"""A file that is cut off, of an unknown version, of a zip that is encrypted or oddly packed."""


def parse_npy(body: bytes, kind: str) -> Any:
    """The array of an npy body; of an npz body its only array, or a dictionary of them."""
    numpy = numpy_or_none()
    if numpy is None:
        raise UnsupportedContentType(f"{kind} needs numpy, which this environment does not have.")
    try:
        loaded = numpy.load(io.BytesIO(body), allow_pickle=False)
        if not hasattr(loaded, "files"):
            return loaded
        arrays = {name: loaded[name] for name in loaded.files}
    except (*_MALFORMED, zipfile.BadZipFile, zlib.error) as error:
        raise BadInput(f"The body is not a valid {kind}: {error}") from None
    return next(iter(arrays.values())) if len(arrays) == 1 else arrays


def decode(body: bytes, content_type: str) -> Any:
    """A body by its content type: lists, dictionaries or arrays.

    Raises:
        UnsupportedContentType: none of JSON, CSV, npy, npz.
        BadInput: the body is not what the type says.
    """
    kind = media.essence(content_type)
    if kind == media.JSON:
        return parse_json(body)
    if kind == media.CSV:
        return parse_csv(body)
    if kind in (media.NPY, media.NPZ):
        return parse_npy(body, kind)
    raise UnsupportedContentType(
        f"Content type {content_type} is not supported. Send one of "
        f"{', '.join(media.ENCODED_TYPES)}, or define input_fn in code/inference.py."
    )


def encode(value: Any, accept: str) -> tuple[bytes, str]:
    """A prediction in the best form that ``accept`` names, and that form.

    Raises:
        NotAcceptable: it names none of ours, or the value cannot be written in it.
    """
    kind = accept if accept == media.JSON else media.choose(accept)
    if not kind:
        raise NotAcceptable(
            f"Accept {accept} is not supported. Ask for one of "
            f"{', '.join(media.ENCODED_TYPES)}, or define output_fn in code/inference.py."
        )
    try:
        return _ENCODERS[kind](value), kind
    except (TypeError, ValueError) as error:
        raise NotAcceptable(f"The prediction cannot be written as {kind}: {error}") from None


def _encode_json(value: Any) -> bytes:
    if not hasattr(value, "dtype"):
        return dump_json(value)
    if value.dtype.kind == "f" and not numpy_or_none().isfinite(value).all():
        return json.dumps(value.tolist()).encode()  # NaN, as AWS's toolkits write it
    return dump_json(value.tolist())


def _encode_csv(value: Any) -> bytes:
    value = value.tolist() if hasattr(value, "tolist") else value
    rows = value if isinstance(value, (list, tuple)) else [value]
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n").writerow
    for row in rows:
        write(row if isinstance(row, (list, tuple)) else [row])
    return out.getvalue().encode()


def _array(value: Any) -> Any:
    numpy = numpy_or_none()
    if numpy is None:
        raise TypeError("this environment has no numpy")
    array = numpy.asarray(value)
    return array if array.dtype.kind != "O" else numpy.asarray(array.tolist())


def _encode_npy(value: Any) -> bytes:
    out = io.BytesIO()
    numpy_or_none().save(out, _array(value), allow_pickle=False)
    return out.getvalue()


def _encode_npz(value: Any) -> bytes:
    arrays = value if isinstance(value, dict) else {"arr_0": value}
    out = io.BytesIO()
    numpy_or_none().savez(out, **{name: _array(each) for name, each in arrays.items()})
    return out.getvalue()


_ENCODERS: dict[str, Callable[[Any], bytes]] = {
    media.JSON: _encode_json,
    media.CSV: _encode_csv,
    media.NPY: _encode_npy,
    media.NPZ: _encode_npz,
}
