"""An asyncio event loop in virtual time.

Invariant: time passes only when nothing is left to do, and then jumps to the next timer. Whatever
would reach outside (sockets, threads, processes, signals) is refused, so a seed decides everything.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")

TURNS_MAX = 100_000
"""Turns of the loop without a tick of the clock."""


class StalledError(Exception):
    """Time cannot pass: nothing is left to wait for, or something never waits."""


class RefusedError(NotImplementedError):
    """The simulated world has no outside; asyncio's base loop says NotImplementedError itself."""


class _Jump:
    """Stands where a selector stands: waiting is moving the clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self._turns = 0

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise StalledError("nothing will ever happen again")
        self._turns += 1
        if self._turns > TURNS_MAX:
            self._turns = 0
            raise StalledError(f"{TURNS_MAX} turns in one instant: somebody is busy for ever")
        if timeout > 0:
            self.now += timeout
            self._turns = 0
        return []


class VirtualLoop(asyncio.BaseEventLoop):
    """``run_until_complete`` returns after as many virtual seconds as the work takes."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = _Jump()
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self._selector.now

    def _process_events(self, _events: list[Any]) -> None:
        """The selector reports none."""

    def _write_to_self(self) -> None:
        raise RefusedError("another thread calls into the simulated world")

    def run_in_executor(  # type: ignore[override] # the base's generics add nothing to a refusal
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> Any:
        raise RefusedError(f"no threads in the simulated world ({executor}: {func}{args})")

    async def _ensure_resolved(self, address: Any, **_options: Any) -> NoReturn:
        """The base loop asks for this before it makes any socket."""
        raise RefusedError(f"no network in the simulated world ({address})")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a virtual time of its own, and end what it leaves behind."""
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(work)
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.call_soon(loop.stop)
        loop.run_forever()
        asyncio.set_event_loop(None)
        loop.close()
