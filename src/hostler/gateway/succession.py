"""Has the supervisor start a successor before this gateway stops accepting.

Without it the slot's connections would wait in the listening socket until the last answer is out
and another process has started.

Invariant: best effort: a supervisor that is gone, or stopping, starts none, and one that is asked
for and does not come is waited for ``COME_S`` and no longer.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import orjson

ASK_S = 1.0
COME_S = 15.0
LOOK_S = 0.02


async def arrange(desk: Path, slot: int, has_come: Callable[[], bool], *, failed: bool) -> None:
    """Ask for a successor and wait until it has come (``failed``: we were not asked to end)."""
    if await _ask(desk, slot, failed=failed):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(COME_S):
                while not has_come():  # noqa: ASYNC110 - a file
                    await asyncio.sleep(LOOK_S)


async def _ask(desk: Path, slot: int, *, failed: bool) -> bool:
    """Whether one is started."""
    request = {"op": "succeed", "name": f"gateway-{slot}", "pid": os.getpid(), "failed": failed}
    with contextlib.suppress(OSError, TimeoutError, ValueError):
        async with asyncio.timeout(ASK_S):
            reader, writer = await asyncio.open_unix_connection(str(desk))
            try:
                writer.write(orjson.dumps(request) + b"\n")
                return "ok" in orjson.loads(await reader.readline())
            finally:
                writer.close()
    return False
