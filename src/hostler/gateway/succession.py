"""Asks the supervisor for a successor, so that somebody accepts while this gateway drains.

Without it the slot's connections would wait in the listening socket until the last answer is out.

Invariant: best effort, within ``ASK_S``; a supervisor that is gone, or stopping, starts none.
"""

import asyncio
import contextlib
import os
from pathlib import Path

import orjson

ASK_S = 1.0


async def ask(desk: Path, slot: int, *, failed: bool) -> None:
    """Say that this process has stopped accepting (``failed``: not because it was asked to)."""
    request = {"op": "succeed", "name": f"gateway-{slot}", "pid": os.getpid(), "failed": failed}
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(ASK_S):
            reader, writer = await asyncio.open_unix_connection(str(desk))
            try:
                writer.write(orjson.dumps(request) + b"\n")
                await reader.readline()
            finally:
                writer.close()
