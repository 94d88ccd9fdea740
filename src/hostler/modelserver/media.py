"""Content types: what a body is, and which form of answer the caller accepts.

Invariant: nothing here raises; an unknown type is simply not in the sets below.
"""

from __future__ import annotations

from functools import lru_cache

JSON = "application/json"
CSV = "text/csv"
NPY = "application/x-npy"
NPZ = "application/x-npz"
ANY = "*/*"

TEXT_TYPES = frozenset({JSON, CSV})
"""Hooks receive ``str`` for these and ``bytes`` for the rest, as in AWS's toolkits."""
ENCODED_TYPES = (JSON, CSV, NPY, NPZ)


@lru_cache(maxsize=256)
def essence(content_type: str) -> str:
    """The type without parameters, lower case: ``text/csv`` for ``Text/CSV; charset=utf-8``."""
    return content_type.partition(";")[0].strip().lower()


def first(accept: str) -> str:
    """The first type an Accept header names, without its quality."""
    return accept.partition(",")[0].partition(";")[0].strip()


def resolve_accept(accept: str, default: str) -> str:
    """The header, or the default where it asks for nothing in particular."""
    return default if not accept.strip() or essence(accept) == ANY else accept.strip()


def choose(accept: str, offered: tuple[str, ...] = ENCODED_TYPES) -> str:
    """The offered type that an Accept header likes best; "" when it likes none."""
    wanted = []
    for position, entry in enumerate(accept.split(",")):
        quality = _quality(entry)
        if quality > 0:
            wanted.append((-quality, position, essence(entry)))
    for _, _, wish in sorted(wanted):
        if wish == ANY:
            return offered[0]
        for candidate in offered:
            if wish in (candidate, candidate.partition("/")[0] + "/*"):
                return candidate
    return ""


def _quality(entry: str) -> float:
    for parameter in entry.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
