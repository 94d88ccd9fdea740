"""Examples of differences arrive in the endpoint's log, and nothing else does."""

import asyncio
import json

from hostler.control.differences import Differences
from hostler.domain.subject import Subject
from hostler.gateway.record import Recorder
from hostler.store.database import Store
from hostler.telemetry import endpoint_metrics, logs

SUBJECT = Subject("123456789012", "us-east-1", "demo", "next")


class Clock:
    def now(self) -> float:
        return 1_700_000_100.0


def test_examples_become_events_of_the_shadows_own_stream() -> None:
    store = Store("sqlite://", inline=True, tables=logs.metadata)
    store.create_tables()
    recorder = Recorder()
    shadow = recorder.shadow(SUBJECT)
    shadow.compared("different")
    shadow.example('{"request": "[1]"}')
    recorder.counters(SUBJECT._replace(variant="live")).answered(200, 1, 1)
    records = [
        record
        for written in recorder.records(1_700_000_000.5)
        if (record := endpoint_metrics.read(json.dumps(written))) is not None
    ]
    assert len(records) == 2
    asyncio.run(Differences(store, Clock()).write(records))

    def read(tx):
        group = logs.group(tx, *SUBJECT[:2], "/aws/sagemaker/Endpoints/demo")
        assert group is not None
        return logs.streams_by_name(tx, group.id, prefix="", descending=False, after=None, limit=10)

    (stream,) = store.run(read)
    assert stream.name == "next/differences"
    assert stream.first_event_ms == stream.last_event_ms == 1_700_000_000_500
    store.close()


def test_without_examples_there_is_no_log() -> None:
    store = Store("sqlite://", inline=True, tables=logs.metadata)
    store.create_tables()
    asyncio.run(Differences(store, Clock()).write([]))
    assert (
        store.run(lambda tx: logs.group(tx, *SUBJECT[:2], "/aws/sagemaker/Endpoints/demo")) is None
    )
    store.close()
