"""Garbage goes on being collected, whatever one collection met."""

import asyncio
from pathlib import Path

import pytest

from hostler.api.s3 import app
from hostler.store.blobs import Blobs
from hostler.store.object_index import open_index

BROKEN = 3


class Clock:
    """Breaks at its first readings; then says that it was read again."""

    def __init__(self) -> None:
        self.readings = 0
        self.works = asyncio.Event()

    def now(self) -> float:
        self.readings += 1
        if self.readings <= BROKEN:
            raise ZeroDivisionError("a defect")
        self.works.set()
        return 0.0


def test_a_defect_is_said_once_and_collecting_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(app, "COLLECT_EVERY_S", 0.0)
    monkeypatch.setattr(app, "COLLECT_CROWDED_S", 0.0)
    index = open_index(tmp_path / "index.db")
    blobs = Blobs(tmp_path)
    blobs.own()

    async def live() -> None:
        clock = Clock()
        told = asyncio.Queue[dict[str, str]]()
        s3 = app.create(
            index,
            blobs,
            lookup=lambda _key, _token: None,
            clock=clock,
            wall=lambda: 0.0,
            region="local",
        )

        async def send(_message: object) -> None:
            pass

        living = asyncio.create_task(s3({"type": "lifespan"}, told.get, send))
        told.put_nowait({"type": "lifespan.startup"})
        await asyncio.wait_for(clock.works.wait(), 10)
        told.put_nowait({"type": "lifespan.shutdown"})
        await asyncio.wait_for(living, 10)

    try:
        asyncio.run(live())
    finally:
        blobs.release()
        index.close()
    assert caplog.text.count("ZeroDivisionError: a defect") == 1
