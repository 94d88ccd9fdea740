"""Answers compared beside the loop: one after the other, bounded, a defect told and survived."""

import asyncio
from collections.abc import Callable

import pytest

from hostler.gateway import comparer
from hostler.gateway.compare import Agreement, Answer
from hostler.gateway.comparer import BODY_BYTES_MAX, WAITING_MAX, Comparer

ONE, OTHER = (Answer(200, "application/json", body) for body in (b"[0.5]", b"[0.50000001]"))


def judged(
    work: Callable[[Comparer, list[Agreement | None]], int], defects: list[BaseException]
) -> list[Agreement | None]:
    """What is heard of as many pairs as ``work`` says."""

    async def run() -> list[Agreement | None]:
        heard: list[Agreement | None] = []
        made = Comparer(asyncio.get_running_loop(), lambda _, error: defects.append(error))
        expected = work(made, heard)
        async with asyncio.timeout(20):
            while len(heard) < expected:
                await asyncio.sleep(0.001)
        made.close()
        return heard

    return asyncio.run(run())


def test_pairs_are_judged_one_after_the_other() -> None:
    def work(made: Comparer, heard: list[Agreement | None]) -> int:
        for _ in range(5):
            made.ask(ONE, OTHER, 1e-6, heard.append)
        assert heard == [], "not now"
        return 5

    assert judged(work, []) == [Agreement.CLOSE] * 5


def test_what_finds_no_place_is_not_compared() -> None:
    def work(made: Comparer, heard: list[Agreement | None]) -> int:
        large = Answer(200, "application/json", b" " * BODY_BYTES_MAX + b"1")
        made.ask(ONE, large, 1e-6, heard.append)
        assert heard == [None]
        for _ in range(WAITING_MAX + 3):
            made.ask(ONE, OTHER, 1e-6, heard.append)
        assert heard == [None] * 3, "one is being compared, and as many wait as may"
        return 3

    judged(work, [])


def test_a_defect_is_told_and_the_next_pair_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    judge, defects = comparer.judge, list[BaseException]()

    def broken(one: Answer, other: Answer, tolerance: float) -> Agreement:
        if tolerance == 0:
            raise ZeroDivisionError
        return judge(one, other, tolerance)

    monkeypatch.setattr(comparer, "judge", broken)

    def work(made: Comparer, heard: list[Agreement | None]) -> int:
        made.ask(ONE, OTHER, 0, heard.append)
        made.ask(ONE, OTHER, 1e-6, heard.append)
        return 2

    assert judged(work, defects) == [None, Agreement.CLOSE]
    assert [type(each) for each in defects] == [ZeroDivisionError]


def test_a_defect_in_who_hears_of_it_keeps_no_other_pair_waiting() -> None:
    async def run() -> list[Agreement | None]:
        loop, heard, broken = asyncio.get_running_loop(), list[Agreement | None](), list[object]()
        loop.set_exception_handler(lambda _, context: broken.append(context["exception"]))
        made = Comparer(loop, lambda _, error: broken.append(error))

        def fail(_: Agreement | None) -> None:
            raise ZeroDivisionError

        made.ask(ONE, OTHER, 1e-6, fail)
        made.ask(ONE, OTHER, 1e-6, heard.append)
        async with asyncio.timeout(20):
            while not heard:
                await asyncio.sleep(0.001)
        made.close()
        assert [type(each) for each in broken] == [ZeroDivisionError]
        return heard

    assert asyncio.run(run()) == [Agreement.CLOSE]
