"""Carries out a plan's actions on the backend.

Invariant: every action may be carried out twice, and one that fails keeps none of the others from
being tried; a failure surfaces afterwards, so that the key is tried again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from hostler.backends.base import InstanceBackend
from hostler.domain.ids import InstanceId
from hostler.planning.plan import Action, LaunchInstance, RemoveInstance, StopInstance

BeforeRemoval: TypeAlias = Callable[[InstanceId], Awaitable[None]]
"""Takes what is still wanted of an ended instance (its last output) before its folder goes."""


class Executor:
    """The hands of the reconcilers."""

    def __init__(self, backend: InstanceBackend, before_removal: BeforeRemoval) -> None:
        self._backend = backend
        self._before_removal = before_removal

    async def carry_out(self, actions: Sequence[Action]) -> None:
        """Do all of them, together.

        Raises:
            ExceptionGroup: Of those that failed.
        """
        outcomes = await asyncio.gather(
            *(self._carry_out(action) for action in actions), return_exceptions=True
        )
        failures = []
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                failures.append(outcome)
            elif outcome is not None:
                raise outcome
        if failures:
            raise ExceptionGroup("actions failed", failures)

    async def _carry_out(self, action: Action) -> None:
        match action:
            case LaunchInstance(spec):
                await self._backend.launch(spec)
            case StopInstance(instance_id, grace_s):
                await self._backend.stop(instance_id, grace_s)
            case RemoveInstance(instance_id):
                await self._before_removal(instance_id)
                await self._backend.remove(instance_id)
