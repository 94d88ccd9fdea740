"""The keyed queue, in virtual time."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta

import pytest

from hostler.control.controller import RESYNC_KEYS, Controller
from hostler.sim import loop as virtual

Reconcile = Callable[[str], Awaitable[timedelta | None]]


def now() -> float:
    return asyncio.get_running_loop().time()


async def none() -> Iterable[str]:
    return ()


def during(seconds: float, reconcile: Reconcile, story: Callable[[Controller], None]) -> None:
    """Run a controller for so many virtual seconds; the story wakes it at the start."""

    async def run() -> None:
        controller = Controller("test", reconcile, none)
        running = asyncio.create_task(controller.run())
        await asyncio.sleep(0)
        story(controller)
        await asyncio.sleep(seconds)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    virtual.run(run())


def test_one_run_of_a_key_at_a_time_and_a_wake_meanwhile_leads_to_one_more() -> None:
    runs: list[tuple[float, float]] = []

    async def reconcile(_key: str) -> None:
        began = now()
        await asyncio.sleep(1.0)
        runs.append((began, now()))

    def story(controller: Controller) -> None:
        controller.wake("a")
        for at in (0.2, 0.4, 0.6):
            asyncio.get_running_loop().call_later(at, controller.wake, "a")

    during(8.0, reconcile, story)
    assert runs == [(0.0, 1.0), (1.0, 2.0)]


def test_keys_run_side_by_side() -> None:
    ended: list[float] = []

    async def reconcile(_key: str) -> None:
        await asyncio.sleep(1.0)
        ended.append(now())

    during(3.0, reconcile, lambda c: [c.wake(key) for key in "abc"] and None)
    assert ended == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(("asked_s", "given_s"), [(0.0, 1.0), (0.2, 1.0), (3.0, 3.0)])
def test_a_requeue_is_kept_but_never_sooner_than_a_second(asked_s: float, given_s: float) -> None:
    at: list[float] = []

    async def reconcile(_key: str) -> timedelta | None:
        at.append(now())
        return timedelta(seconds=asked_s) if len(at) < 3 else None

    during(9.0, reconcile, lambda controller: controller.wake("a"))
    assert at == pytest.approx([0.0, given_s, 2 * given_s], abs=1e-3)


def test_a_wake_overtakes_a_requeue() -> None:
    at: list[float] = []

    async def reconcile(_key: str) -> timedelta | None:
        at.append(now())
        return timedelta(seconds=5) if len(at) == 1 else None

    def story(controller: Controller) -> None:
        controller.wake("a")
        asyncio.get_running_loop().call_later(2.0, controller.wake, "a")

    during(9.0, reconcile, story)
    assert at == pytest.approx([0.0, 2.0], abs=1e-3)


def test_errors_are_logged_and_tried_again_with_growing_pauses(
    caplog: pytest.LogCaptureFixture,
) -> None:
    at: list[float] = []

    async def reconcile(key: str) -> None:
        at.append(now())
        if len(at) < 5:
            raise ValueError(key)

    with caplog.at_level(logging.ERROR):
        during(60.0, reconcile, lambda controller: controller.wake("a"))
    assert at == pytest.approx([0.0, 1.0, 3.0, 7.0, 15.0], abs=1e-3)
    assert [record.getMessage() for record in caplog.records] == ["test: a failed"] * 4


def test_a_failing_key_costs_the_others_nothing(caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []

    async def reconcile(key: str) -> None:
        if key == "bad":
            raise OSError
        done.append(key)

    with caplog.at_level(logging.CRITICAL):
        during(0.5, reconcile, lambda c: [c.wake(key) for key in ("bad", "good")] and None)
    assert done == ["good"]


def test_every_key_is_reconciled_at_the_start_and_at_each_resync() -> None:
    at: list[float] = []

    async def reconcile(_key: str) -> None:
        at.append(now())

    async def keys() -> Iterable[str]:
        return ("a",)

    async def run() -> None:
        running = asyncio.create_task(Controller("test", reconcile, keys, resync_s=10).run())
        await asyncio.sleep(25)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    virtual.run(run())
    assert at == pytest.approx([0.0, 10.0, 20.0], abs=1e-3)


def test_a_resync_wakes_so_many_keys_at_most_and_all_of_them_in_turn() -> None:
    at: dict[str, list[float]] = {f"{number}": [] for number in range(3 * RESYNC_KEYS + 8)}
    listed: list[float] = []

    async def reconcile(key: str) -> None:
        at[key].append(now())

    async def keys() -> Iterable[str]:
        listed.append(now())
        return list(at)

    async def run() -> None:
        running = asyncio.create_task(Controller("test", reconcile, keys, resync_s=10).run())
        await asyncio.sleep(55)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    virtual.run(run())
    assert all(times[0] == pytest.approx(0.0, abs=1e-3) for times in at.values())
    second = Counter(round(times[1]) for times in at.values())
    assert second == {10: RESYNC_KEYS, 20: RESYNC_KEYS, 30: RESYNC_KEYS, 40: 8}
    assert listed == pytest.approx([0.0, 10.0, 50.0], abs=1e-3)


def test_where_only_keys_with_something_to_do_are_listed_a_resync_wakes_them_all() -> None:
    at: dict[str, list[float]] = {f"{number}": [] for number in range(3 * RESYNC_KEYS)}

    async def reconcile(key: str) -> None:
        at[key].append(now())

    async def keys() -> Iterable[str]:
        return list(at)

    async def run() -> None:
        controller = Controller("test", reconcile, keys, resync_s=10, resync_keys=None)
        running = asyncio.create_task(controller.run())
        await asyncio.sleep(15)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    virtual.run(run())
    assert all(times == pytest.approx([0.0, 10.0], abs=1e-3) for times in at.values())


def test_a_listing_that_fails_is_tried_again_soon(caplog: pytest.LogCaptureFixture) -> None:
    """Found by seed 1341: the keys were next listed ten seconds later."""
    asked: list[float] = []
    ran: list[str] = []

    async def keys() -> Iterable[str]:
        asked.append(now())
        if len(asked) == 1:
            raise OSError
        return ("a",)

    async def reconcile(key: str) -> None:
        ran.append(key)

    async def run() -> None:
        await asyncio.sleep(0.4)
        running = asyncio.create_task(Controller("test", reconcile, keys, resync_s=10).run())
        await asyncio.sleep(5)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    with caplog.at_level(logging.CRITICAL):
        virtual.run(run())
    assert asked == pytest.approx([0.4, 1.4], abs=1e-3)
    assert ran == ["a"]


def test_cancelling_ends_every_run_and_ignores_later_wakes() -> None:
    ended: list[str] = []

    async def reconcile(key: str) -> None:
        try:
            await asyncio.sleep(100)
        finally:
            ended.append(key)

    async def run() -> None:
        controller = Controller("test", reconcile, none)
        running = asyncio.create_task(controller.run())
        await asyncio.sleep(0)
        controller.wake("a")
        await asyncio.sleep(1)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        controller.wake("b")
        await asyncio.sleep(1)

    virtual.run(run())
    assert ended == ["a"]
