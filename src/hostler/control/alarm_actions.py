"""Carries out what alarms are to do, from the queue in the database.

Invariant: an action leaves the queue in the transaction that writes down what became of it, so it
is carried out at least once, and again only after a crash in between. Actions of one line (one
alarm on one target) are carried out in order; how often one is tried and how long it may take are
bounded, and how many run at once is the controller's.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import partial
from typing import Protocol

from hostler.domain.alarm import Firing
from hostler.domain.ports import Clock
from hostler.planning import alarm_transitions
from hostler.store import alarm_history
from hostler.store.alarm_queue import actions as queue
from hostler.store.database import Store, StoreUnavailableError, Transaction
from hostler.store.lines import Queued

DEADLINE_S = 90.0
"""Whatever an action does; those that end sooner have deadlines of their own."""
RETRY_S = (5.0, 30.0)
"""How long after a failure it is tried again; after the last one it has failed."""

_log = logging.getLogger("hostler.control")


class ActionFailedError(Exception):
    """An action was not done; the text says why, for the alarm's history.

    Args:
        message: Why.
        again: Whether trying again may help.
    """

    def __init__(self, message: str, *, again: bool = False) -> None:
        super().__init__(message)
        self.again = again


class AlarmAction(Protocol):
    """What an alarm may do, of one service (the third part of the action's ARN)."""

    async def __call__(self, firing: Firing, /) -> None:
        """Do it; it may have been done before, if control died just then.

        Raises:
            ActionFailedError: It was not done.
        """
        ...


AlarmActions = Mapping[str, AlarmAction]
"""By service: ``autoscaling``, ``lambda``, ``sns``."""


class ActionReconciler:
    """Carries out queued actions; a key is a line of them (``Firing.line``).

    Args:
        store: The control database.
        clock: When it is.
        actions: What can be done.
    """

    def __init__(self, store: Store, clock: Clock, actions: AlarmActions) -> None:
        self._store = store
        self._clock = clock
        self._actions = actions

    async def keys(self) -> Iterable[str]:
        """The lines in which something is queued."""
        return await self._store.read(queue.waiting)

    async def reconcile(self, line: str) -> timedelta | None:
        """Carry out the first action of a line, if it is due; when there is more to do."""
        action = await self._store.read(partial(queue.first, line=line))
        if action is None:
            return None
        if wait_s := action.wait_s(self._clock.now(), max(RETRY_S)):
            return timedelta(seconds=wait_s)
        failure = await self._failure(action.item)
        await self._store.write(self._outcome(action, failure))
        return timedelta()

    def _outcome(
        self, action: Queued[Firing], failure: ActionFailedError | None
    ) -> "partial[None]":
        """What is to be written of an action that was tried."""
        now = self._clock.now()
        if failure is not None:
            _log.warning("alarm %s: %s: %s", action.item.name, action.item.action, failure)
            if failure.again and action.attempts < len(RETRY_S):
                due = now + RETRY_S[action.attempts]
                return partial(queue.put_off, queued=action, due=due)
        text = None if failure is None else str(failure)
        return partial(_finish, action=action, failure=text, now=now)

    async def _failure(self, firing: Firing) -> ActionFailedError | None:
        """Do it; what went wrong, if anything did."""
        act = self._actions.get(alarm_transitions.service_of(firing.action))
        if act is None:
            return ActionFailedError("nothing here carries out this kind of action")
        try:
            async with asyncio.timeout(DEADLINE_S):
                await act(firing)
        except ActionFailedError as error:
            return error
        except TimeoutError:
            return ActionFailedError(f"it took longer than {DEADLINE_S:g} s", again=True)
        except StoreUnavailableError as error:
            return ActionFailedError(str(error), again=True)
        return None


def _finish(tx: Transaction, action: Queued[Firing], failure: str | None, now: float) -> None:
    """Take an action from the queue, and write down what became of it.

    What is repeated each minute is written down only where it fails: else it would push everything
    else out of the alarm's history.
    """
    queue.done(tx, action)
    firing = action.item
    if failure is not None or not firing.repeated:
        item = alarm_transitions.acted(firing, failure, now)
        alarm_history.note(tx, firing.account, firing.region, item)
