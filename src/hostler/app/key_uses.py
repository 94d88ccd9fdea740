"""The last uses of access keys, gathered from every process into the database.

Invariant: bounded in what it writes: a key in constant use costs a row once a minute; what cannot
be written now is written with the key's next news.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping

from hostler.domain.layout import Layout
from hostler.domain.uses import Use, Uses
from hostler.snapshot import uses
from hostler.snapshot.background import Attempts, pause
from hostler.store import identities
from hostler.store.database import Store, StoreUnavailableError

GATHER_EVERY_S = 5.0
"""IAM's own answer to when a key was used last is older."""

_log = logging.getLogger("hostler.key_uses")


class KeyUses:
    """Gathers what the gateways, S3 and control itself have seen.

    Args:
        own: What control has seen.
    """

    def __init__(self, store: Store, layout: Layout, own: Uses) -> None:
        self._store = store
        self._layout = layout
        self._own = own
        self._read: dict[str, int] = {}
        """Files' names, with the time of the change that was read last (ns)."""

    async def run(self) -> None:
        """Gather until cancelled."""
        attempts = Attempts(_log.name, (StoreUnavailableError, OSError))
        while True:
            await pause(GATHER_EVERY_S)
            await attempts.attempt("the last uses of access keys are not kept", self.gather())

    async def gather(self) -> None:
        """Keep what is new."""
        news = last_of((*await asyncio.to_thread(self._told), self._own.due()))
        if news:
            await self._store.write(lambda tx: identities.note_uses(tx, news))

    def _told(self) -> list[Mapping[str, Use]]:
        """What the files say that have changed. Blocking."""
        found = []
        for path in self._layout.run.glob(self._layout.key_uses("*").name):
            changed = path.stat().st_mtime_ns
            if self._read.get(path.name) == changed:
                continue
            self._read[path.name] = changed
            found.append(uses.read(path))
        return found


def last_of(told: Iterable[Mapping[str, Use]]) -> Mapping[str, Use]:
    """Of each key, the last use that anybody tells of."""
    found: dict[str, Use] = {}
    for each in told:
        for key, use in each.items():
            if key not in found or found[key].at < use.at:
                found[key] = use
    return found
