"""Connections and transactions: one writer, a few readers, never on an event loop.

Invariant: a transaction is one synchronous function of a connection; it runs on the writer thread
(``await store.write(fn)``) or on a reader thread with a connection of its own (``await
store.read(fn)``), so a stalled database stalls no loop, and whoever calls waits a bounded time, in
line and for a lock together. ``inline`` runs both in place, for the simulator.
"""

import asyncio
import logging
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import Connection, Engine, MetaData, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import StaticPool

from hostler.store import versions
from hostler.store.disk import Reserve
from hostler.vault.sealing import Vault, VaultError

Transaction: TypeAlias = Connection
"""What a transaction function receives; other rooms name it without knowing SQLAlchemy."""

T = TypeVar("T")

_log = logging.getLogger(__name__)

READERS = 4
PATIENCE_S = 5.0
"""How long a transaction waits for its turn and for other processes' locks."""


class StoreUnavailableError(Exception):
    """The database cannot be used now (locked, overloaded, its disk full): try again later."""

    @property
    def disk_is_full(self) -> bool:
        """Whether there was no room to write."""
        return "disk is full" in str(self)  # SQLite's own words


class Store:
    """A database, as transactions.

    Args:
        url: An SQLAlchemy URL, e.g. ``sqlite:////path/hostler.db`` or ``sqlite://`` (memory).
        inline: Run transactions in the caller's thread.
        tables: What it holds, and ``create_tables`` makes.
        patience_s: How long a transaction may wait before it begins.
        reserve: Room on the disk that deletions may use when nothing else is left.
        vault: Seals the secrets in it; without one, it holds none but in memory.
    """

    def __init__(
        self,
        url: str,
        *,
        tables: MetaData,
        inline: bool = False,
        patience_s: float = PATIENCE_S,
        reserve: Reserve | None = None,
        vault: Vault | None = None,
    ) -> None:
        self._vault = vault or (Vault() if url == "sqlite://" else None)
        self._inline = inline
        self._engine = _engine(url)
        self._tables = tables
        self._patience_s = patience_s
        self._reserve = reserve
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="store-writer")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")

    @classmethod
    def at(
        cls,
        path: Path,
        *,
        tables: MetaData,
        patience_s: float = PATIENCE_S,
        reserve: Reserve | None = None,
        vault: Vault | None = None,
    ) -> "Store":
        """The SQLite store of a file that nobody else may read; its folder is made."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite gives its journals the mode that it finds on the database.
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.fchmod(file, 0o600)
        os.close(file)
        url = f"sqlite:///{path}"
        return cls(url, tables=tables, patience_s=patience_s, reserve=reserve, vault=vault)

    def create_tables(self) -> None:
        """Bring the schema to this version (blocking; at start).

        Raises:
            NewerSchemaError: A newer Hostler wrote the database.
        """
        if self.run(lambda tx: versions.bring_up(tx, self._tables), write=True):
            self.scrub()  # what was replaced may be what a step has sealed since

    def scrub(self) -> None:
        """Leave nothing in the file that was deleted or replaced (blocking; needs room)."""
        if self._vault is None or self._engine.dialect.name != "sqlite":
            return  # nothing in it is a secret
        connection = self._engine.raw_connection()
        try:
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.OperationalError as error:
            _log.warning("what was replaced may still lie in the database's file: %s", error)
        finally:
            connection.close()

    async def write(self, transaction: Callable[[Connection], T], *, deletes: bool = False) -> T:
        """Run a read-write transaction; it is committed when this returns.

        One that ``deletes`` runs a second time, in the reserved room, if it found the disk full.

        Raises:
            StoreUnavailableError: It could not begin within ``patience_s``, or not be written.
        """
        try:
            return await self._in_turn(self._writer, transaction, write=True)
        except StoreUnavailableError as error:
            reserve = self._reserve
            if not deletes or reserve is None or not error.disk_is_full:
                raise
            if not await asyncio.to_thread(reserve.release):
                raise
        return await self._in_turn(self._writer, transaction, write=True)

    async def read(self, transaction: Callable[[Connection], T]) -> T:
        """Run a read-only transaction on a connection of its own.

        Raises:
            StoreUnavailableError: It could not begin within ``patience_s``.
        """
        return await self._in_turn(self._readers, transaction, write=False)

    def run(self, transaction: Callable[[Connection], T], *, write: bool = False) -> T:
        """Run a transaction in the caller's thread (start-up, and threads that may block)."""
        return self._run(transaction, self._patience_s, write=write)

    def close(self) -> None:
        """Finish what is queued and let go of the database."""
        self._writer.shutdown()
        self._readers.shutdown()
        self._engine.dispose()

    async def _in_turn(
        self,
        threads: ThreadPoolExecutor,
        transaction: Callable[[Connection], T],
        *,
        write: bool,
    ) -> T:
        if self._inline:
            return self.run(transaction, write=write)
        asked = time.monotonic()

        def turn() -> T:
            # What waited too long is not begun: the line behind a lock ends with the lock's wait.
            left_s = self._patience_s - (time.monotonic() - asked)
            if left_s <= 0:
                raise StoreUnavailableError(f"no turn came within {self._patience_s:g} s")
            return self._run(transaction, left_s, write=write)

        return await asyncio.get_running_loop().run_in_executor(threads, turn)

    def _run(self, transaction: Callable[[Connection], T], left_s: float, *, write: bool) -> T:
        options = {
            "hostler_write": write,
            "hostler_wait_ms": _wait_ms(left_s),
            "hostler_vault": self._vault,
        }
        try:
            with self._engine.connect() as plain:
                connection = plain.execution_options(**options)
                with connection.begin():
                    done = transaction(connection)
        except OperationalError as error:
            raise StoreUnavailableError(str(error.orig)) from error
        if write and self._reserve is not None:
            self._reserve.keep()
        return done


def vault_of(tx: Transaction) -> Vault:
    """What seals the secrets of a transaction's database."""
    vault: Vault | None = tx.get_execution_options().get("hostler_vault")
    if vault is None:
        raise VaultError(f"{tx.engine.url.database} is opened without the key of its secrets")
    return vault


def _wait_ms(left_s: float) -> int:
    """How long to wait for a lock, in steps: a connection is told only when it changes."""
    return max(1, round(left_s * 10)) * 100


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True)
    options: dict[str, Any] = {"connect_args": {"check_same_thread": False}}
    if url == "sqlite://":
        options["poolclass"] = StaticPool
    engine = create_engine(url, **options)

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, explicitly
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        wait_ms = options.get("hostler_wait_ms", _wait_ms(PATIENCE_S))
        if connection.info.get("wait_ms") != wait_ms:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {wait_ms}")
            connection.info["wait_ms"] = wait_ms
        write = options.get("hostler_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine
