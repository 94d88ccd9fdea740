"""The entries of one process, on their way to its spool.

Invariant: adding one costs an append; building and writing happen in a thread, each half second, so
a crash loses less than a second. Who floods a process with calls that are refused loses records of
those, counted, and neither memory nor time of others.
"""

import asyncio
import logging
import os
from pathlib import Path

import orjson

from hostler.audit import record
from hostler.audit.entry import Entry
from hostler.domain import ticks
from hostler.modelserver import own_spool, spool

FLUSH_S = 0.5
PENDING_MAX = 1_000
"""Entries between two flushes; what comes beyond is only counted."""

_log = logging.getLogger("hostler.audit")


class Journal:
    """Takes entries on the event loop.

    Args:
        folder: The spool, this process's own; without one, what is added is only held.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._pending: list[Entry] = []
        self._omitted = 0
        self._at = 0.0
        self._writer: spool.Writer | None = None
        self._directory = -1
        self._said = False

    def add(self, entry: Entry) -> None:
        """Keep an entry."""
        self._at = entry.at
        if len(self._pending) < PENDING_MAX:
            self._pending.append(entry)
        else:
            self._omitted += 1

    def take(self) -> list[Entry]:
        """The entries since the last time."""
        taken, self._pending = self._pending, []
        return taken

    async def run(self) -> None:
        """Write until cancelled, and then what is left."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                await asyncio.sleep(ticks.left_s(FLUSH_S, loop.time()))
                if self._pending or self._omitted:
                    await asyncio.to_thread(self.flush)
        finally:
            self.flush()
            self._close()

    def flush(self) -> None:
        """Write what there is. Blocking."""
        if not (self._pending or self._omitted) or not self._open():
            return
        assert self._writer is not None
        entries, omitted = self.take(), self._omitted
        self._omitted -= omitted
        for entry in entries:
            self._writer.append(int(entry.at * 1000), spool.STDOUT, [record.written(entry)])
        if omitted:
            line = orjson.dumps({"omitted": omitted})
            self._writer.append(int(self._at * 1000), spool.PLATFORM, [line])

    def _open(self) -> bool:
        """Whether there is a spool to write to: a full disk stops no call."""
        if self._writer is None and self._folder is not None:
            try:
                self._directory = own_spool.open_locked(str(self._folder))
                self._writer = spool.Writer(self._directory)
            except OSError as error:
                if not self._said:
                    self._said = True
                    _log.warning("records of calls wait in memory for now: %s", error)
        return self._writer is not None

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            os.close(self._directory)
            self._writer = None
