"""Auto scaling in the control process: the controller of scalable targets, and what alarms call.

Invariant: one of it in a control process, for it alone writes what becomes of a target.
"""

from collections.abc import Callable

from hostler.control.controller import Controller
from hostler.control.scaling import ScalingReconciler
from hostler.domain.config import Quotas
from hostler.domain.ports import Clock, Wake
from hostler.domain.scaling import is_target_key
from hostler.store.database import Store


class Scaling:
    """Scales endpoints' variants.

    Args:
        store: The control database.
        metrics: The metrics' database.
        clock: When it is.
        wake: Tells the endpoints' controller of a change that was asked for.
        quotas: How much an account may have, as of now.
    """

    def __init__(
        self, store: Store, metrics: Store, clock: Clock, wake: Wake, quotas: Callable[[], Quotas]
    ) -> None:
        reconciler = ScalingReconciler(store, metrics, clock, self.waking(wake), quotas)
        # It lists what has something to do before the next resync, and nothing that is at rest.
        self._targets = Controller(
            "scaling", reconciler.reconcile, reconciler.keys, resync_keys=None
        )
        self.act = reconciler.act
        """What an alarm's action on a scaling policy does."""

    def waking(self, others: Wake) -> Wake:
        """Wakes scalable targets by their keys, and whatever ``others`` wakes by all other keys."""

        def wake(key: str) -> None:
            if is_target_key(key):
                self._targets.wake(key)
            else:
                others(key)

        return wake

    async def run(self) -> None:
        """Scale until cancelled."""
        await self._targets.run()
