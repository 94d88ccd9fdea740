"""The alarms of a simulated world: they stand as its seed has it, and are watched by deployments.

Invariant: their rows are written beside the control plane, as ``control.alarms`` would; how long
each has been bad is remembered in the loop's time, which no wall clock moves.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from hostler.domain.alarm import (
    Actions,
    AlarmState,
    Comparison,
    MetricAlarm,
    MetricStatistic,
    Standing,
)
from hostler.domain.ids import DEFAULT_ACCOUNT, DEFAULT_REGION
from hostler.store import alarms
from hostler.store.database import Store, Transaction

LOOK_S = 1.0
NAMES = ("sim-errors", "sim-latency")


@dataclass(slots=True)
class Alarms:
    """The world's alarms, by name. ``note`` is told what becomes of them."""

    store: Store
    note: Callable[[str], object] = lambda _what: None
    on_lasting: Callable[[], None] = lambda: None
    """Called again and again while one is bad."""
    _bad_since: dict[str, float] = field(default_factory=dict)
    _was_bad: dict[str, float] = field(default_factory=dict)
    """When each was bad last."""

    def begin(self) -> None:
        """All exist, and all is well."""
        for name in NAMES:
            self.store.run(partial(_put, name=name, state=AlarmState.OK), write=True)

    def fire(self, name: str) -> None:
        """It goes into ALARM."""
        self._bad(name)
        self.store.run(lambda tx: _put(tx, name, AlarmState.ALARM), write=True)

    def delete(self, name: str) -> None:
        """Somebody deletes it."""
        self._bad(name)
        self.store.run(
            lambda tx: alarms.remove(tx, DEFAULT_ACCOUNT, DEFAULT_REGION, [name]), write=True
        )

    def doubt(self, name: str) -> None:
        """It has no data: nothing that anybody is taken back for."""
        self._well(name)
        self.store.run(lambda tx: _put(tx, name, AlarmState.INSUFFICIENT_DATA), write=True)

    def mend(self, name: str) -> None:
        """It is, or is again, and all is well."""
        self._well(name)
        self.store.run(lambda tx: _put(tx, name, AlarmState.OK), write=True)

    def bad_for_s(self, name: str) -> float:
        """For how long it has been in ALARM or gone; 0 if it is not."""
        since = self._bad_since.get(name)
        return 0.0 if since is None else asyncio.get_running_loop().time() - since

    def was_bad_after(self, name: str, moment: float) -> bool:
        """Whether it was in ALARM or gone at any time after that of the loop."""
        return name in self._bad_since or self._was_bad.get(name, -1.0) >= moment

    def _bad(self, name: str) -> None:
        self.note(f"alarm {name} goes bad")
        loop = asyncio.get_running_loop()
        self._bad_since.setdefault(name, loop.time())
        loop.call_later(LOOK_S, self._look, name)

    def _look(self, name: str) -> None:
        if name in self._bad_since:
            self.on_lasting()
            asyncio.get_running_loop().call_later(LOOK_S, self._look, name)

    def _well(self, name: str) -> None:
        self.note(f"alarm {name} is well")
        if self._bad_since.pop(name, None) is not None:
            self._was_bad[name] = asyncio.get_running_loop().time()


def _put(tx: Transaction, name: str, state: AlarmState) -> None:
    kept = alarms.get(tx, DEFAULT_ACCOUNT, DEFAULT_REGION, name)
    standing = Standing(state, "simulated", None, 0.0, 0.0)
    if kept is not None:
        alarms.save(tx, kept, replace(kept.alarm, standing=standing))
        return
    made = MetricAlarm(
        account=DEFAULT_ACCOUNT,
        region=DEFAULT_REGION,
        name=name,
        actions=Actions(),
        comparison=Comparison.GREATER,
        threshold=0.0,
        evaluation_periods=1,
        configured=0.0,
        standing=standing,
        metric=MetricStatistic("AWS/SageMaker", "Invocation5XXErrors", (), "Sum", 60),
    )
    alarms.create(tx, made)
