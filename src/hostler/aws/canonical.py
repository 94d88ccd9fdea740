"""The canonical form of a request that a signature covers.

Invariant: everything is made from what was received, byte for byte: header values and the raw
target are bytes as latin-1 characters, and every service but S3 has its path normalised and encoded
once more than it came (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html).
"""

import re
from collections.abc import Sequence
from urllib.parse import quote_from_bytes, unquote_to_bytes

PLAIN_PATH = re.compile(
    r"/(?:[A-Za-z0-9_~-][A-Za-z0-9._~-]*(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?)?"
)
"""Paths that are their own canonical form, for every service."""

_SPACES = re.compile(r"[ \t\r\n]+")


def path(raw: str, *, s3: bool) -> str:
    """The canonical URI of a raw path."""
    if PLAIN_PATH.fullmatch(raw):
        return raw
    data = raw.encode("latin-1")
    if s3:
        return quote_from_bytes(unquote_to_bytes(data), safe="/-._~") or "/"
    return quote_from_bytes(normalized(data), safe="/-._~")


def normalized(raw: bytes) -> bytes:
    """A path without empty, ``.`` and ``..`` segments; a slash at the end is kept."""
    kept: list[bytes] = []
    for segment in raw.split(b"/"):
        if segment == b"..":
            if kept:
                kept.pop()
        elif segment not in (b"", b"."):
            kept.append(segment)
    ending = b"/" if kept and raw.endswith((b"/", b"/.", b"/..")) else b""
    return b"/" + b"/".join(kept) + ending


def query(raw: str, *, without: Sequence[str] = ()) -> str:
    """The canonical query string: every pair encoded once, sorted, duplicates kept."""
    if not raw:
        return ""
    encoded: list[tuple[str, str]] = []
    for part in raw.split("&"):
        if not part:
            continue
        key, _, value = part.partition("=")
        name = _encode_once(key)
        if name not in without:
            encoded.append((name, _encode_once(value)))
    encoded.sort()
    return "&".join([f"{key}={value}" for key, value in encoded])


def _encode_once(raw: str) -> str:
    return quote_from_bytes(unquote_to_bytes(raw.encode("latin-1")), safe="-._~")


def fold(value: str) -> str:
    """A header's value with runs of white space made one space, and none at its ends."""
    return _SPACES.sub(" ", value).strip(" ")


def headers(pairs: Sequence[tuple[str, str]], signed: Sequence[str]) -> str:
    """The canonical headers: the signed ones, duplicates joined in order.

    Raises:
        KeyError: A signed header is not there.
    """
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(fold(value))
    return "".join([f"{name}:{','.join(values[name])}\n" for name in signed])
