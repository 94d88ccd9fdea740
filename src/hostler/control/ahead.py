"""Makes models ready from when they exist until they are deleted: no endpoint waits for builds.

Invariant: no endpoint depends on it: whatever was not made ready, the launch makes, and says.
"""

from collections.abc import Iterable

from hostler.backends.base import InstanceBackend
from hostler.control.endpoints import Rows
from hostler.domain.ids import Arn
from hostler.store import preparations
from hostler.store.models import MODELS


class ModelPreparer:
    """Carries out what CreateModel and DeleteModel left to be done; a key is a model's ARN."""

    def __init__(self, store: Rows, backend: InstanceBackend) -> None:
        self._store = store
        self._backend = backend

    async def keys(self) -> Iterable[str]:
        """Those that an earlier life did not get to, and those whose wake-up was lost."""
        return await self._store.read(preparations.keys)

    async def reconcile(self, key: str) -> None:
        """Try once, and keep nothing for a model that was deleted."""
        arn = Arn(key)
        model = await self._store.read(lambda tx: preparations.get(tx, arn))
        if model is None:
            if not await self._store.read(lambda tx: MODELS.exists(tx, arn)):
                await self._backend.give_up(arn)
            return
        await self._backend.prepare(arn, model.container, model.role_arn)
        await self._store.write(lambda tx: preparations.settle(tx, arn, model))
