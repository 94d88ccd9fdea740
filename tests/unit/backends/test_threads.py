"""Work in threads that may be given up."""

import asyncio
import gc
import threading
from collections.abc import Callable

import pytest

from hostler.backends.process import threads
from hostler.backends.process.threads import Threads
from hostler.domain.ports import Wanted


async def given_up(work: Callable[[Wanted], None], begun: threading.Event) -> None:
    """Begin work, and give it up."""
    waiting = asyncio.create_task(Threads("t", 1).run(work))
    await asyncio.to_thread(begun.wait)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


def test_what_is_given_up_is_told_so_and_has_ended_when_its_waiter_tidies_up() -> None:
    begun = threading.Event()
    ended = threading.Event()

    def work(wanted: Wanted) -> None:
        begun.set()
        pause = threading.Event()
        while wanted():
            pause.wait(0.001)
        ended.set()

    async def story() -> None:
        await given_up(work, begun)
        assert ended.is_set()

    asyncio.run(story())


def test_what_does_not_listen_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "PATIENCE_S", 0.01)
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def work(_wanted: Wanted) -> None:
        begun.set()
        go_on.wait()
        ended.set()
        raise OSError("nobody hears of this")

    async def story() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, told: complaints.append(str(told["message"])))
        await given_up(work, begun)
        go_on.set()
        await asyncio.to_thread(ended.wait)
        for _ in range(9):  # it is handed to the loop
            await asyncio.sleep(0.001)
        gc.collect()

    complaints: list[str] = []
    asyncio.run(story())
    assert not complaints


def test_what_waits_for_a_thread_when_it_is_given_up_does_nothing() -> None:
    begun, go_on = threading.Event(), threading.Event()
    done: list[str] = []

    def first(_wanted: Wanted) -> None:
        begun.set()
        go_on.wait()

    def second(wanted: Wanted) -> None:
        threads.go_on(wanted)
        done.append("second")

    async def story() -> None:
        pool = Threads("t", 1)
        holding = asyncio.create_task(pool.run(first))
        await asyncio.to_thread(begun.wait)
        waiting = asyncio.create_task(pool.run(second))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(holding, waiting, return_exceptions=True)
        assert not done

    asyncio.run(story())
