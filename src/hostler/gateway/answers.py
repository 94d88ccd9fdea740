"""The bytes of the gateway's own answers.

Invariant: everything a client or a model supplied is checked before it stands in a head, so that no
value ends a line early.
"""

import re
from http import HTTPStatus
from typing import Any
from wsgiref.handlers import format_date_time

import orjson

from hostler.aws import conventions
from hostler.domain.errors import CallerError

END = b"\r\n"
CLOSING = b"Connection: close\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_KEPT = 1024
_LENGTH_LINES = tuple(b"Content-Length: %d\r\n" % size for size in range(_KEPT))
"""Of what most answers are, so that they are joined and not formatted."""

_FORBIDDEN_IN_VALUE = re.compile(rb"[^\t\x20-\x7e\x80-\xff]")


class SheddingError(CallerError):
    """A refusal for now, with the seconds after which another try makes sense."""

    def __init__(self, code: str, message: str, retry_after_s: int) -> None:
        super().__init__(code, message)
        self.retry_after_s = retry_after_s


def is_header_value(value: bytes) -> bool:
    """Whether a value may stand in a head (RFC 9110 §5.5)."""
    return _FORBIDDEN_IN_VALUE.search(value) is None


def length_line(size: int) -> bytes:
    """The Content-Length header."""
    return _LENGTH_LINES[size] if size < _KEPT else b"Content-Length: %d\r\n" % size


def date_line(wall_now: float) -> bytes:
    """The Date header of this second."""
    return b"Date: " + format_date_time(wall_now).encode() + b"\r\n"


def error(failure: CallerError, request_id: bytes, date: bytes, *, close: bool) -> bytes:
    """A modelled error as rest-json writes it; any client's parser reads it."""
    status = failure.status or conventions.status("sagemaker-runtime", "rest-json", failure.code)
    document: dict[str, Any] = {"Message": failure.message, **failure.members}
    retry_after_s = failure.retry_after_s if isinstance(failure, SheddingError) else None
    return answer(
        status,
        orjson.dumps(document),
        date,
        request_id=request_id,
        error_type=failure.code,
        retry_after_s=retry_after_s,
        close=close,
    )


def answer(
    status: int,
    body: bytes,
    date: bytes,
    *,
    request_id: bytes = b"",
    content_type: bytes = b"application/json",
    error_type: str = "",
    retry_after_s: int | None = None,
    close: bool = False,
) -> bytes:
    """A whole answer of the gateway itself."""
    lines = [
        f"HTTP/1.1 {status} {_reason(status)}\r\n".encode(),
        b"Content-Type: " + content_type + b"\r\n",
        length_line(len(body)),
        date,
    ]
    if request_id:
        lines.append(b"x-amzn-RequestId: " + request_id + b"\r\n")
    if error_type:
        lines.append(b"x-amzn-ErrorType: " + error_type.encode() + b"\r\n")
    if retry_after_s is not None:
        lines.append(b"Retry-After: %d\r\n" % retry_after_s)
    if close:
        lines.append(b"Connection: close\r\n")
    lines += (b"\r\n", body)
    return b"".join(lines)


def refusal(status: int, reason: str, date: bytes, *, head_only: bool = False) -> bytes:
    """The answer to bytes that are not a request we serve; the connection ends with it."""
    body = orjson.dumps({"message": reason})
    for_now = status == 503
    data = answer(
        status,
        body,
        date,
        error_type="ServiceUnavailable" if for_now else "BadRequest",
        retry_after_s=1 if for_now else None,
        close=True,
    )
    return data.removesuffix(body) if head_only else data


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Dependency Failed" if status == 530 else "Error"
