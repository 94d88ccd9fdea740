"""Conditional and partial requests.

Invariant: conditions on a write are judged in the transaction that makes it, so of two writers with
``If-None-Match: *`` one succeeds.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hostler.api.s3.errors import (
    HeadedError,
    error,
    no_such_key,
    not_implemented,
    precondition_failed,
)
from hostler.store.objects import StoredObject

_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)
_BEYOND = 10**19
"""Behind the end of every object."""


class NotModifiedError(Exception):
    """The caller has it already: 304."""

    def __init__(self, stored: StoredObject) -> None:
        super().__init__(stored.key)
        self.stored = stored


@dataclass(frozen=True, slots=True)
class Span:
    """A part of an object; ``partial`` where the caller asked for one."""

    start: int
    length: int
    partial: bool


def for_read(stored: StoredObject, params: Mapping[str, Any]) -> None:
    """GET's and HEAD's conditions, ETags before times as HTTP has it."""
    modified = math.floor(stored.modified)
    if (wanted := params.get("IfMatch")) is not None:
        if not matches(wanted, stored.etag):
            raise precondition_failed("If-Match")
    elif (since := params.get("IfUnmodifiedSince")) is not None and modified > since:
        raise precondition_failed("If-Unmodified-Since")
    if (known := params.get("IfNoneMatch")) is not None:
        if matches(known, stored.etag):
            raise NotModifiedError(stored)
    elif (since := params.get("IfModifiedSince")) is not None and modified <= since:
        raise NotModifiedError(stored)


def for_copy(source: StoredObject, params: Mapping[str, Any]) -> None:
    """The conditions on a copy's source; every failure is a 412."""
    modified = math.floor(source.modified)
    if (wanted := params.get("CopySourceIfMatch")) is not None:
        if not matches(wanted, source.etag):
            raise precondition_failed("x-amz-copy-source-If-Match")
    elif (since := params.get("CopySourceIfUnmodifiedSince")) is not None and modified > since:
        raise precondition_failed("x-amz-copy-source-If-Unmodified-Since")
    if (known := params.get("CopySourceIfNoneMatch")) is not None:
        if matches(known, source.etag):
            raise precondition_failed("x-amz-copy-source-If-None-Match")
    elif (since := params.get("CopySourceIfModifiedSince")) is not None and modified <= since:
        raise precondition_failed("x-amz-copy-source-If-Modified-Since")


def for_write(existing: StoredObject | None, key: str, params: Mapping[str, Any]) -> None:
    """The conditions on what a write would replace."""
    if (forbidden := params.get("IfNoneMatch")) is not None:
        if forbidden.strip() != "*":
            raise not_implemented("If-None-Match on a write can only be *.")
        if existing is not None:
            raise precondition_failed("If-None-Match")
    if (wanted := params.get("IfMatch")) is not None:
        if existing is None:
            raise no_such_key(key)
        if not matches(wanted, existing.etag):
            raise precondition_failed("If-Match")


def matches(header: str, etag: str) -> bool:
    """Whether an ETag is among those of a header."""
    for item in header.split(","):
        bare = item.strip().removeprefix("W/").strip('"')
        if bare in ("*", etag):
            return True
    return False


def position(digits: str) -> int:
    """A position as a header tells it, however long: Python makes no number of many digits."""
    digits = digits.lstrip("0") or "0"
    return int(digits) if len(digits) < len(str(_BEYOND)) else _BEYOND


def span(header: str | None, size: int) -> Span:
    """The bytes that a Range header asks for; several ranges, or none we know, mean the whole."""
    found = _RANGE.fullmatch(header.strip()) if header else None
    if header is None or found is None or found.groups() == ("", ""):
        return Span(0, size, partial=False)
    first, last = found.groups()
    if not first:
        start, end = max(size - position(last), 0), size
    else:
        start, end = position(first), min(position(last) + 1, size) if last else size
        if last and position(last) < start:
            return Span(0, size, partial=False)
    if start >= size:
        refusal = error(
            "InvalidRange",
            "The requested range is not satisfiable",
            RangeRequested=header,
            ActualObjectSize=str(size),
        )
        raise HeadedError(refusal, {"content-range": f"bytes */{size}"})
    return Span(start, end - start, partial=True)
