"""Shared folders of instances: unpacked models and overlay environments, kept while referred to.

Invariant: an instance's folder (or that of a preparation) holds a link to what it uses before that
is made; a shared folder appears whole (made aside, then renamed) and goes whole (renamed, then
deleted), whoever is killed or cancelled meanwhile; what none of them links to is deleted. Only who
makes a folder has a turn: who waits for one, or finds it there, keeps nobody from making another.
"""

import asyncio
import contextlib
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

AT_ONCE = 8
"""Folders made at the same time; the others wait their turn."""


class SharedFolders:
    """Folders named by content below ``root``.

    ``users`` are the places whose folders may refer to them, ``link`` the reference's name there.
    """

    def __init__(self, root: Path, users: Sequence[Path], link: str) -> None:
        self._root = root
        self._users = users
        self._link = link
        self._locks: dict[str, asyncio.Lock] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def ensure(
        self, key: str, instance_dir: Path, make: Callable[[Path], Awaitable[None]]
    ) -> Path:
        """The folder of ``key``, made by ``make`` in a new folder if it is not there yet."""
        final = self._root / key
        link = instance_dir / self._link
        with contextlib.suppress(FileNotFoundError):
            link.unlink()
        link.symlink_to(final)
        async with self._exclusive(key):
            if final.is_dir():
                return final
            async with self._turns:
                await self._make(key, final, make)
        return final

    async def _make(self, key: str, final: Path, make: Callable[[Path], Awaitable[None]]) -> None:
        self._root.mkdir(mode=0o711, parents=True, exist_ok=True)
        aside = self._hidden(key, "part")
        aside.mkdir()
        aside.chmod(0o755)  # whatever the umask: instances read it as users of their own
        try:
            await make(aside)
            aside.rename(final)
        finally:
            await asyncio.to_thread(shutil.rmtree, aside, ignore_errors=True)

    def used_by(self, instance_dir: Path) -> str | None:
        """The key that an instance refers to."""
        try:
            return Path(os.readlink(instance_dir / self._link)).name  # noqa: PTH115 - no resolving
        except OSError:
            return None

    async def release(self, key: str) -> None:
        """Delete a folder if nothing refers to it any more."""
        async with self._exclusive(key):
            if self._refers(key):
                return
            gone = self._hidden(key, "gone")
            with contextlib.suppress(OSError):  # not there, or for the next life to delete
                (self._root / key).rename(gone)
        await asyncio.to_thread(shutil.rmtree, gone, ignore_errors=True)

    async def sweep(self) -> None:
        """Delete what a control process that died left unfinished or unreferred."""
        if not self._root.is_dir():
            return
        for name in [path.name for path in self._root.iterdir()]:
            if not name.startswith("."):
                await self.release(name)
                continue
            async with self._exclusive(name[1:].partition(".")[0]):  # ours is done by then
                await asyncio.to_thread(shutil.rmtree, self._root / name, ignore_errors=True)

    def _hidden(self, key: str, state: str) -> Path:
        """A name that nobody has, so that no thread of one who gave up works in another's folder.

        All names with a key's own between their dots are made under its lock.
        """
        return self._root / f".{key}.{secrets.token_hex(4)}.{state}"

    def _refers(self, key: str) -> bool:
        """Whether anything refers to a folder; each deletion asks all that might."""
        for users in self._users:
            with contextlib.suppress(FileNotFoundError):
                for name in os.listdir(users):  # noqa: PTH208 - names are all that is wanted
                    with contextlib.suppress(OSError):
                        link = os.readlink(f"{users}/{name}/{self._link}")  # noqa: PTH115 - often
                        if link.rpartition("/")[2] == key:
                            return True
        return False

    @contextlib.asynccontextmanager
    async def _exclusive(self, key: str) -> AsyncIterator[None]:
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            yield
