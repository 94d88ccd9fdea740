"""What should run for ever: its end is said, and ends the process."""

import asyncio

import pytest

from hostler.sim import loop as virtual
from hostler.snapshot import background


async def for_ever() -> None:
    await asyncio.Event().wait()


async def broken() -> None:
    raise ZeroDivisionError("a defect")


async def finished() -> None:
    pass


def test_a_part_that_fails_is_said_and_ends_the_block_with_an_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def live() -> None:
        stop = asyncio.Event()
        async with background.beside(for_ever(), broken(), failed=stop.set):
            await stop.wait()

    with pytest.raises(background.BackgroundError, match="broken"):
        asyncio.run(asyncio.wait_for(live(), 10))
    assert "ZeroDivisionError: a defect" in caplog.text
    assert "Traceback" in caplog.text


def test_a_part_that_returns_is_no_less_lost() -> None:
    async def live() -> None:
        stop = asyncio.Event()
        async with background.beside(finished(), failed=stop.set):
            await stop.wait()

    with pytest.raises(background.BackgroundError, match="finished"):
        asyncio.run(asyncio.wait_for(live(), 10))


def test_parts_end_with_the_block_and_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    async def live() -> int:
        async with background.beside(for_ever(), for_ever(), failed=lambda: pytest.fail("failed")):
            await asyncio.sleep(0)
        return len(asyncio.all_tasks())

    assert asyncio.run(live()) == 1
    assert not caplog.text


def test_a_part_that_does_not_end_well_is_said(caplog: pytest.LogCaptureFixture) -> None:
    async def unclean() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ZeroDivisionError("at the end")

    async def live() -> None:
        async with background.beside(unclean(), failed=lambda: pytest.fail("failed")):
            await asyncio.sleep(0)

    asyncio.run(live())
    assert "ZeroDivisionError: at the end" in caplog.text


def test_what_is_done_again_and_again_wakes_together() -> None:
    wakes: dict[float, list[float]] = {0.5: [], 1.0: [], 2.0: []}

    async def again(pause_s: float, began_s: float) -> None:
        await asyncio.sleep(began_s)

        async def work() -> None:
            wakes[pause_s].append(round(asyncio.get_running_loop().time(), 3))
            await asyncio.sleep(0.03)

        await background.Attempts(__name__, ()).repeat("it is not done", work, pause_s)

    async def story() -> None:
        tasks = [asyncio.create_task(again(each, 0.17 * each)) for each in wakes]
        await asyncio.sleep(8.2)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    virtual.run(story())
    halves, seconds, twos = (set(each[1:]) for each in wakes.values())
    assert halves == {number / 2 for number in range(1, 17)}
    assert seconds == {float(number) for number in range(1, 9)}
    assert twos < seconds
    assert len(twos) in {3, 4}
