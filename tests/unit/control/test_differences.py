"""Examples of differences arrive in the endpoint's log, and nothing else does."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from hostler.control.differences import AT_ONCE, WAITING_MAX, Differences
from hostler.domain.subject import Subject
from hostler.gateway.record import Recorder
from hostler.store.database import Store, StoreUnavailableError
from hostler.telemetry import endpoint_metrics, logs
from hostler.telemetry.endpoint_metrics import Record
from memory_stores import memory_store

SUBJECT = Subject("123456789012", "us-east-1", "demo", "next")
GROUP = "/aws/sagemaker/Endpoints/demo"


class Clock:
    def now(self) -> float:
        return 1_700_000_100.0


class Stalled:
    """A store that cannot be written until it is let go; ``begun`` once somebody tries to."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.begun = asyncio.Event()
        self.free = asyncio.Event()
        self.failures = 0

    async def write(self, transaction: Any) -> Any:
        self.begun.set()
        await self.free.wait()
        if self.failures:
            self.failures -= 1
            raise StoreUnavailableError("no turn came within 5 s")
        return await self._store.write(transaction)


@pytest.fixture
def store() -> Iterator[Store]:
    with memory_store(logs.metadata) as store:
        yield store


def examples(*told: str) -> list[Record]:
    """Records with an example each, as a gateway writes them."""
    found = []
    for each in told:
        recorder = Recorder()
        shadow = recorder.shadow(SUBJECT)
        shadow.compared("different")
        shadow.example(each)
        recorder.counters(SUBJECT._replace(variant="live")).answered(200, 1, 1)
        found += [
            record
            for written in recorder.records(1_700_000_000.5)
            if (record := endpoint_metrics.read(json.dumps(written))) is not None
        ]
    assert len(found) == 2 * len(told)
    return [each for each in found if isinstance(each, Record)]


def streams(store: Store) -> Sequence[logs.Stream]:
    def read(tx: Any) -> Sequence[logs.Stream]:
        group = logs.group(tx, *SUBJECT[:2], GROUP)
        if group is None:
            return []
        return logs.streams_by_name(tx, group.id, prefix="", descending=False, after=None, limit=10)

    return store.run(read)


def messages(store: Store) -> list[str]:
    query = "SELECT message FROM log_events ORDER BY id"
    return [row[0] for row in store.run(lambda tx: tx.exec_driver_sql(query).all())]


def test_examples_become_events_of_the_shadows_own_stream(store: Store) -> None:
    told = Differences(store, Clock())
    told.tell(examples('{"request": "[1]"}'))
    asyncio.run(told.write())
    (stream,) = streams(store)
    assert stream.name == "next/differences"
    assert stream.first_event_ms == stream.last_event_ms == 1_700_000_000_500


def test_without_examples_there_is_no_log(store: Store) -> None:
    told = Differences(store, Clock())
    told.tell([])
    told.tell([each for each in examples("{}") if each.shadow is None])
    asyncio.run(told.write())
    assert streams(store) == []


def test_while_the_log_stalls_examples_wait_up_to_a_bound_and_then_all_are_written_once(
    store: Store, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hostler.control.differences.AGAIN_S", 0.0)
    (one,) = [each for each in examples("{}") if each.shadow is not None]
    assert one.shadow is not None

    async def story() -> None:
        stalled = Stalled(store)
        stalled.failures = 1
        told = Differences(stalled, Clock())  # type: ignore[arg-type]
        writing = asyncio.create_task(told.run())
        told.tell([one] * AT_ONCE)
        await stalled.begun.wait()
        told.tell([one] * WAITING_MAX)
        told.tell([one] * 2)
        stalled.free.set()
        while stalled.failures:
            await asyncio.sleep(0)
        told.tell([one])  # what was given back is beyond the bound already
        while len(messages(store)) < AT_ONCE + WAITING_MAX:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await told.write()

    asyncio.run(asyncio.wait_for(story(), 60))
    assert len(messages(store)) == AT_ONCE + WAITING_MAX
    said = [each.message for each in caplog.records]
    assert said == [
        "the log falls behind: examples of shadows' differences are lost",
        "examples of differences wait: no turn came within 5 s",
        "the examples of 3 records were lost",
    ]
