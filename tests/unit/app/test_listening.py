"""The HTTP server of control and S3: it sleeps, and hears at once that it is to end."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from hostler.app import listening


async def _app(_scope: object, _receive: object, _send: object) -> None:
    raise AssertionError("nobody asks")


@pytest.mark.parametrize(
    ("ends", "raised_again"),
    [
        (lambda made: made.end(), []),
        (lambda _made: os.kill(os.getpid(), signal.SIGTERM), [signal.SIGTERM]),
    ],
    ids=["told", "SIGTERM"],
)
def test_it_ends_at_once_however_long_it_sleeps(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ends: Callable[[listening.Server], None],
    raised_again: list[int],
) -> None:
    monkeypatch.setattr(listening, "TICK_S", 3600.0)
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: heard.append(number))

    async def live() -> None:
        made = listening.Server(listening.config(_app, drain_s=1.0))
        serving = asyncio.create_task(listening.serve(made, tmp_path / "socket"))
        while not made.started:
            await asyncio.sleep(0)
        ends(made)
        await asyncio.wait_for(serving, 30)

    try:
        asyncio.run(live())
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == raised_again
