"""Writes examples of what a shadow answered otherwise into the endpoint's log.

Invariant: an example is written once or not at all: it illustrates the counts, which are exact. The
log's retention and its readers' permissions are the example's.
"""

from collections.abc import Sequence
from functools import partial

from hostler.domain.ids import endpoint_log_group
from hostler.domain.ports import Clock
from hostler.store.database import Store, Transaction
from hostler.telemetry import logs
from hostler.telemetry.endpoint_metrics import Record
from hostler.telemetry.logs import Event

STREAM = "{variant}/differences"


class Differences:
    """Into the logs' database; ``clock`` for the time of ingestion."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def write(self, records: Sequence[Record]) -> None:
        """The examples of some records, if there are any."""
        telling = [each for each in records if each.shadow is not None and each.shadow.examples]
        if telling:
            now_ms = int(self._clock.now() * 1000)
            await self._store.write(partial(_write, records=telling, now_ms=now_ms))


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
