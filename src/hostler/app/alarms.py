"""Alarms in the control process: their evaluator, and the controller of what they do.

Invariant: one of each in a control process, for both write what no other writes.
"""

import asyncio

from hostler.control.alarm_actions import ActionReconciler, AlarmActions
from hostler.control.alarms import AlarmEvaluator
from hostler.control.controller import Controller
from hostler.domain.alarm import is_alarm_key
from hostler.domain.ports import Clock, Wake
from hostler.store.database import Store


class Alarms:
    """Evaluates alarms and carries out their actions.

    Args:
        store: The control database.
        metrics: The metrics' database.
        clock: When it is.
        actions: What alarms may do, by service.
    """

    def __init__(self, store: Store, metrics: Store, clock: Clock, actions: AlarmActions) -> None:
        acting = ActionReconciler(store, clock, actions)
        self._actions = Controller("alarm actions", acting.reconcile, acting.keys)
        self._evaluator = AlarmEvaluator(store, metrics, clock, self._actions.wake)

    def waking(self, others: Wake) -> Wake:
        """Wakes alarms by their keys, and whatever ``others`` wakes by all other keys."""

        def wake(key: str) -> None:
            if is_alarm_key(key):
                self._evaluator.wake(key)
            else:
                others(key)

        return wake

    async def run(self) -> None:
        """Evaluate and act until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._evaluator.run())
            group.create_task(self._actions.run())
