"""One HTTP POST to somebody else's server, within a deadline.

Invariant: a connection is used once, and no more of an answer is read than its first line; what a
server does slowly, or never, ends with the deadline.
"""

import asyncio
import base64
import ssl
from collections.abc import Mapping
from urllib.parse import SplitResult, unquote, urlsplit

LINE_BYTES_MAX = 8_192
_PORTS = {"http": 80, "https": 443}


class PostError(Exception):
    """There was no answer; the text says why."""


async def post(url: str, headers: Mapping[str, str], body: bytes, *, deadline_s: float) -> int:
    """Send a body; returns the answer's status.

    Args:
        url: Of ``http`` or ``https``; the server's certificate is checked.
        headers: Beside Host, Content-Length and Connection.
        body: What is sent.
        deadline_s: For all of it.

    Raises:
        PostError: There was no answer.
    """
    try:
        async with asyncio.timeout(deadline_s):
            return await _post(url, headers, body)
    except TimeoutError:
        raise PostError(f"no answer within {deadline_s:g} s") from None
    except (OSError, ValueError) as error:  # of TLS too
        raise PostError(str(error) or type(error).__name__) from None


async def _post(url: str, headers: Mapping[str, str], body: bytes) -> int:
    parts = urlsplit(url)
    host = parts.hostname or ""
    context = ssl.create_default_context() if parts.scheme == "https" else None
    reader, writer = await asyncio.open_connection(
        host, parts.port or _PORTS[parts.scheme], ssl=context, limit=LINE_BYTES_MAX
    )
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = [
            f"POST {target} HTTP/1.1",
            f"Host: {parts.netloc.rpartition('@')[2]}",
            f"Content-Length: {len(body)}",
            "Connection: close",
            *(f"{name}: {value}" for name, value in {**headers, **_basic(parts)}.items()),
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        await writer.drain()
        return _status(await reader.readline())
    finally:
        # Closing would first send what a server does not take, for ever.
        writer.transport.abort()


def _basic(url: SplitResult) -> Mapping[str, str]:
    """The credentials that an address carries, as SNS sends them."""
    if url.username is None:
        return {}
    given = f"{unquote(url.username)}:{unquote(url.password or '')}"
    return {"Authorization": f"Basic {base64.b64encode(given.encode()).decode()}"}


def _status(line: bytes) -> int:
    words = line.split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        raise PostError("the answer is not HTTP/1")
    return int(words[1])
