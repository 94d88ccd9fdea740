"""Virtual time: it jumps, it refuses the outside, and it notices when it cannot pass."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from hostler.sim import loop as virtual


def test_time_jumps_to_the_next_timer_and_keeps_the_order() -> None:
    order: list[tuple[str, float]] = []

    async def wait(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        order.append((name, asyncio.get_running_loop().time()))

    async def story() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(wait("an hour", 3600.0))
            group.create_task(wait("a second", 1.0))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5.0):
                await asyncio.sleep(10.0)

    virtual.run(story())
    assert order == [("a second", 1.0), ("an hour", 3600.0)]


OUTSIDE: dict[str, Callable[[], Awaitable[Any]]] = {
    "a thread": lambda: asyncio.to_thread(int),
    "a host": lambda: asyncio.open_connection("127.0.0.1", 1),
    "a server": lambda: asyncio.start_server(lambda *_: None, "127.0.0.1", 0),
    "a unix socket": lambda: asyncio.open_unix_connection("/tmp/none"),
    "a process": lambda: asyncio.create_subprocess_exec("true"),
}


@pytest.mark.parametrize("what", OUTSIDE)
def test_the_outside_is_refused(what: str) -> None:
    async def story() -> None:
        await OUTSIDE[what]()

    with pytest.raises(NotImplementedError):
        virtual.run(story())


def test_a_wait_that_nothing_can_end_is_an_error() -> None:
    async def story() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(virtual.StalledError, match="nothing will ever happen"):
        virtual.run(story())


def test_so_is_being_busy_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual, "TURNS_MAX", 100)

    async def story() -> None:
        while True:
            await asyncio.sleep(0)

    with pytest.raises(virtual.StalledError, match="busy for ever"):
        virtual.run(story())
