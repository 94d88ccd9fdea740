"""Writes examples of what a shadow answered otherwise into the endpoint's log.

Invariant: an example is written once or not at all: it illustrates the counts, which are exact. The
log's retention and its readers' permissions are the example's. Whoever tells of examples does not
wait for the log: while it cannot be written they wait in a line of bounded length, and further ones
are lost, which is said.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from functools import partial

from hostler.domain.ids import endpoint_log_group
from hostler.domain.ports import Clock
from hostler.snapshot import background
from hostler.store.database import Store, StoreUnavailableError, Transaction
from hostler.telemetry import logs
from hostler.telemetry.endpoint_metrics import Record
from hostler.telemetry.logs import Event

STREAM = "{variant}/differences"
WAITING_MAX = 1_000
"""Records whose examples wait; a gateway makes one each ten seconds and variant at most."""
AT_ONCE = 100
"""Records whose examples one transaction writes."""
AGAIN_S = 5.0
"""Until the log is tried again."""

_log = logging.getLogger("hostler.control")


class Differences:
    """Into the logs' database; ``clock`` for the time of ingestion."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._waiting: deque[Record] = deque()
        self._lost = 0
        """Records whose examples found no room since the log could last be written."""
        self._told = asyncio.Event()

    def tell(self, records: Sequence[Record]) -> None:
        """Take the examples of some records, if there are any; they are written later."""
        telling = [each for each in records if each.shadow is not None and each.shadow.examples]
        if not telling:
            return
        room = max(0, WAITING_MAX - len(self._waiting))
        self._waiting.extend(telling[:room])
        lost = len(telling[room:])
        if lost and not self._lost:
            _log.warning("the log falls behind: examples of shadows' differences are lost")
        self._lost += lost
        self._told.set()

    async def run(self) -> None:
        """Write until cancelled."""
        attempts = background.Attempts("hostler.control", (StoreUnavailableError,))
        while True:
            await self._told.wait()
            if not await attempts.attempt("examples of differences wait", self.write()):
                self._told.set()  # of what still waits
                await asyncio.sleep(AGAIN_S)

    async def write(self) -> None:
        """Write what waits.

        Raises:
            StoreUnavailableError: Not now; it waits on.
        """
        self._told.clear()
        while self._waiting:
            some = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
            now_ms = int(self._clock.now() * 1000)
            try:
                await self._store.write(partial(_write, records=some, now_ms=now_ms))
            except StoreUnavailableError:
                self._waiting.extendleft(reversed(some))
                raise
        if self._lost:
            _log.warning("the examples of %d records were lost", self._lost)
            self._lost = 0


def _write(tx: Transaction, records: Sequence[Record], now_ms: int) -> None:
    for record in records:
        assert record.shadow is not None
        at_ms = int(record.at * 1000)
        logs.write(
            tx,
            account=record.account,
            region=record.region,
            group_name=endpoint_log_group(record.endpoint),
            stream_name=STREAM.format(variant=record.variant),
            lines=[Event(at_ms, example) for example in record.shadow.examples],
            now_ms=now_ms,
        )
