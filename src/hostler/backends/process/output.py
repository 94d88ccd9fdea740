"""What the commands that we start print, within bounds.

Invariant: a command is always read to its end, and neither a long line nor a long story of it takes
more of our memory than is named here.
"""

import asyncio
from collections.abc import AsyncIterator

LINE_MAX = 4096
"""Bytes of a line that are kept; the rest of it is passed over."""
_READ_SIZE = 64 * 1024


async def tail(stream: asyncio.StreamReader, limit_bytes: int) -> bytes:
    """The end of all that comes."""
    kept = b""
    while data := await stream.read(_READ_SIZE):
        kept = (kept + data)[-limit_bytes:]
    return kept


async def lines(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    """Each line as it comes, without its end, and no more than the beginning of a long one."""
    rest = b""
    while data := await stream.read(_READ_SIZE):
        *whole, last = data.split(b"\n")
        for line in whole:
            yield _text(rest + line)
            rest = b""
        rest = (rest + last)[:LINE_MAX]
    if rest:
        yield _text(rest)


def _text(line: bytes) -> str:
    return line[:LINE_MAX].decode(errors="replace").rstrip()
