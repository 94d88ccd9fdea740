"""A gateway that ends asks for its successor, and waits for it no longer than makes sense."""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hostler.gateway import succession


def arranged(
    desk: Path, answer: str | None, has_come: Callable[[], bool] = lambda: True
) -> list[Any]:
    """What a desk that answers so was asked."""
    heard: list[Any] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(json.loads(await reader.readline()))
        if answer is not None:
            writer.write(answer.encode())
        writer.close()

    async def story() -> None:
        async with await asyncio.start_unix_server(serve, str(desk)):
            await succession.arrange(desk, 3, has_come, failed=False)

    asyncio.run(story())
    return heard


def test_it_waits_until_the_successor_has_come(tmp_path: Path) -> None:
    looks = iter([False, False, True])
    heard = arranged(tmp_path / "desk", '{"ok": true}\n', lambda: next(looks))
    assert heard == [{"op": "succeed", "name": "gateway-3", "pid": os.getpid(), "failed": False}]
    assert list(looks) == []


def test_one_that_does_not_come_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(succession, "COME_S", 0.1)
    assert arranged(tmp_path / "desk", '{"ok": true}\n', lambda: False)


@pytest.mark.parametrize("answer", ['{"error": "Hostler is stopping"}\n', "nonsense\n", "", None])
def test_without_a_promise_it_does_not_wait(tmp_path: Path, answer: str | None) -> None:
    assert arranged(tmp_path / "desk", answer, lambda: pytest.fail("it waited"))


def test_nor_without_a_supervisor(tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    asyncio.run(succession.arrange(absent, 0, lambda: pytest.fail("it waited"), failed=True))
