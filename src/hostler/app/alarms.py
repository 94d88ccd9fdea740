"""Alarms and topics in the control process: an evaluator, and controllers of what follows.

Invariant: one of each in a control process, for all write what no other writes.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable

from hostler.app.settings import Settings
from hostler.control.alarm_actions import ActionReconciler, AlarmActions
from hostler.control.alarm_commands import CommandAction
from hostler.control.alarm_topics import TopicAction
from hostler.control.alarms import AlarmEvaluator
from hostler.control.controller import Controller
from hostler.control.deliveries import DeliveryReconciler
from hostler.domain import topic
from hostler.domain.alarm import is_alarm_key
from hostler.domain.ports import Clock, Wake
from hostler.store.database import Store


class Alarms:
    """Evaluates alarms, carries out their actions, and delivers what topics are told.

    Args:
        store: The control database.
        metrics: The metrics' database.
        clock: When it is.
        settings: Where files are, where links begin, and which commands there are.
        caught_up: Returns once what was counted before now is among the metrics.
        further: What alarms may do beside telling topics and running commands, by service.
    """

    def __init__(
        self,
        store: Store,
        metrics: Store,
        clock: Clock,
        settings: Settings,
        *,
        caught_up: Callable[[], Awaitable[object]],
        further: AlarmActions,
    ) -> None:
        delivering = DeliveryReconciler(
            store,
            settings.layout,
            clock,
            settings.endpoint_url,
            settings.config.sns.allowed_hosts,
        )
        self._deliveries = Controller("deliveries", delivering.reconcile, delivering.keys)
        actions: AlarmActions = {
            "sns": TopicAction(store, self._deliveries.wake),
            "lambda": CommandAction(settings.config.alarms.commands, os.environ),
            **further,
        }
        acting = ActionReconciler(store, clock, actions)
        self._actions = Controller("alarm actions", acting.reconcile, acting.keys)
        self._evaluator = AlarmEvaluator(store, metrics, clock, self._actions.wake, caught_up)

    def waking(self, others: Wake) -> Wake:
        """Wakes these by their keys, and whatever ``others`` wakes by all other keys."""

        def wake(key: str) -> None:
            subscription = topic.woken(key)
            if subscription is not None:
                self._deliveries.wake(subscription)
            elif is_alarm_key(key):
                self._evaluator.wake(key)
            else:
                others(key)

        return wake

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for each in (self._evaluator, self._actions, self._deliveries):
                group.create_task(each.run())
