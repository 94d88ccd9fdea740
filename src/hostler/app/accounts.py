"""Further accounts: whoever may write in the data directory asks for one, and gets its root key.

Invariant: an account's folder is the wish (made by the command line), and the key file in it is the
answer (written here, once the data plane knows the key); asking twice changes nothing.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from hostler.app import account_folders
from hostler.domain.layout import Layout
from hostler.domain.ports import Clock
from hostler.domain.snapshot import Credential
from hostler.modelserver import whole
from hostler.snapshot.background import Attempts
from hostler.store import identities
from hostler.store.database import Store, StoreUnavailableError

LOOK_EVERY_S = 0.5

_log = logging.getLogger("hostler.accounts")


def keep(credential: Credential, account: str, path: Path) -> None:
    """Write an account's root key down, where `hostler env` reads it. Blocking."""
    record = {
        "access_key_id": credential.access_key_id,
        "secret_access_key": credential.secret,
        "account": account,
    }
    text = json.dumps(record, indent=2) + "\n"
    if not path.exists() or path.read_text() != text:
        whole.write(path, text.encode())


class Accounts:
    """Answers what was asked for, for as long as it runs.

    Args:
        committed: Awaited before a key is handed out, with "iam": the data plane knows it then.
    """

    def __init__(
        self,
        store: Store,
        layout: Layout,
        clock: Clock,
        committed: Callable[[str], Awaitable[None]],
    ) -> None:
        self._store = store
        self._layout = layout
        self._clock = clock
        self._committed = committed

    async def run(self) -> None:
        """Look for wishes until cancelled; one that cannot be fulfilled now is looked at again."""
        attempts = Attempts(_log.name, (StoreUnavailableError, OSError))
        look = partial(self._look, attempts)
        await attempts.repeat("which accounts are asked for is unknown", look, LOOK_EVERY_S)

    async def _look(self, attempts: Attempts) -> None:
        if not self._layout.accounts.is_dir():  # nobody ever asked: not worth a thread
            return
        for account in await asyncio.to_thread(self._wished):
            await attempts.attempt(f"account {account} has to wait", self._answer(account))

    def _wished(self) -> list[str]:
        """The accounts without an answer yet. Blocking."""
        wishes = account_folders.listed(self._layout)
        return [each for each in wishes if not self._layout.account_root(each).exists()]

    async def _answer(self, account: str) -> None:
        path, now = self._layout.account_root(account), self._clock.now()
        root = await self._store.write(lambda tx: identities.ensure_root(tx, account, now))
        await self._committed("iam")
        await asyncio.to_thread(keep, root, account, path)
