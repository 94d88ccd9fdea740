"""The way of a record: from a process's memory through its spool into the audit log, once."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from hostler.audit import journal, record
from hostler.audit.entry import Entry
from hostler.audit.journal import Journal
from hostler.control.audit import LOST, AuditIngest
from hostler.domain.config import Audit
from hostler.domain.layout import Layout
from hostler.domain.snapshot import Principal
from hostler.modelserver import spool
from hostler.store.database import Store
from hostler.telemetry import trail
from hostler.telemetry.trail import DAY_MS, Kept, Wanted
from memory_stores import memory_store

ACCOUNT = "123456789012"
NOW = 1_700_000_000.0
ROOT = Principal(f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, ACCOUNT, "root", is_root=True)


@dataclass
class Clock:
    time: float = NOW

    def now(self) -> float:
        return self.time


def entry(number: int = 0) -> Entry:
    return Entry(
        service="sagemaker",
        operation="ListModels",
        request_id=f"r-{number}",
        at=NOW + number,
        account=ACCOUNT,
        region="us-east-1",
        caller=ROOT,
    )


@dataclass
class Way:
    layout: Layout
    store: Store
    clock: Clock

    def journal(self, process: str = "control", life: str = "1") -> Journal:
        return Journal(self.layout.audit_spool(process, life))

    def ingest(self, **bounds: int) -> AuditIngest:
        return AuditIngest(self.store, self.layout, self.clock, ACCOUNT, Audit(**bounds))

    def kept(self) -> list[Kept]:
        wanted = Wanted(ACCOUNT)
        return [*self.store.run(lambda tx: trail.page(tx, wanted, after=None, limit=10_000))]

    def requests(self) -> list[str]:
        return [json.loads(each.record).get("requestID", "") for each in reversed(self.kept())]


@pytest.fixture
def way(tmp_path: Path) -> Iterator[Way]:
    with memory_store(trail.metadata) as store:
        yield Way(Layout(tmp_path), store, Clock())


def test_what_is_added_arrives_once_in_order(way: Way) -> None:
    first, second = way.journal(), way.journal("s3")
    ingest = way.ingest()
    for number in range(3):
        first.add(entry(number))
        first.flush()
        asyncio.run(ingest.sweep())
    second.add(entry(3))
    second.flush()
    for _ in range(2):
        asyncio.run(way.ingest().sweep())
    assert way.requests() == ["r-0", "r-1", "r-2", "r-3"]


class Asked:
    """A store that counts what it is asked to read."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.reads = 0

    async def read(self, transaction: Any) -> Any:
        self.reads += 1
        return await self._store.read(transaction)

    async def write(self, transaction: Any) -> Any:
        return await self._store.write(transaction)


def test_the_database_is_not_asked_while_nobody_calls(way: Way) -> None:
    made, asked = way.journal(), Asked(way.store)
    ingest = AuditIngest(asked, way.layout, way.clock, ACCOUNT, Audit())  # type: ignore[arg-type]
    for number in range(3):
        made.add(entry(number))
        made.flush()
        for _ in range(2):
            asyncio.run(ingest.sweep())
    assert way.requests() == ["r-0", "r-1", "r-2"]
    assert asked.reads == 1, "how far the spool was read is known from then on"


def test_a_spool_that_cannot_be_read_holds_up_none_before_it(way: Way) -> None:
    first, second, ingest = way.journal("control"), way.journal("s3"), way.ingest()
    for number, made in enumerate((first, second)):
        made.add(entry(number))
        made.flush()
    asyncio.run(ingest.sweep())
    (segment,) = way.layout.audit_spool("s3", "1").iterdir()
    segment.unlink()
    segment.mkdir()
    first.add(entry(2))
    first.flush()
    with pytest.raises(OSError, match="Is a directory"):
        asyncio.run(ingest.sweep())
    assert way.requests() == ["r-0", "r-1", "r-2"]


def test_what_another_life_has_read_meanwhile_is_not_added_again(way: Way) -> None:
    made, one, other = way.journal(), way.ingest(), way.ingest()
    for number, ingest in enumerate((one, other, one, one)):
        made.add(entry(number))
        made.flush()
        asyncio.run(ingest.sweep())
    assert way.requests() == ["r-0", "r-1", "r-2", "r-3"]


def test_a_process_that_ends_writes_what_is_left(way: Way) -> None:
    made = way.journal()

    async def live() -> None:
        running = asyncio.create_task(made.run())
        await asyncio.sleep(0)
        made.add(entry())
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(live())
    asyncio.run(way.ingest().sweep())
    assert way.requests() == ["r-0"]


def test_a_process_that_was_killed_goes_on_in_the_next(way: Way) -> None:
    """Nothing is closed: the segment's end is torn, and another process writes behind it."""
    first = way.journal()
    first.add(entry(0))
    first.flush()
    (segment,) = way.layout.audit_spool("control", "1").glob("*.log")
    with segment.open("ab") as file:
        file.write(b"\x40\x00\x00\x00torn")
    second = way.journal()
    second.add(entry(1))
    second.flush()
    asyncio.run(way.ingest().sweep())
    assert way.requests() == ["r-0", "r-1"]


def test_a_process_and_its_successor_write_side_by_side(way: Way) -> None:
    """In one folder each took the other's segments for its own."""
    first, second, ingest = way.journal(life="1"), way.journal(life="2"), way.ingest()
    for number in range(6):
        writer = (first, second)[number % 2]
        writer.add(entry(number))
        writer.flush()
        asyncio.run(ingest.sweep())
    assert way.requests() == [f"r-{number}" for number in range(6)]
    assert len([*way.layout.spools.iterdir()]) == 2, "both still live"


def test_the_spool_of_a_process_that_has_ended_goes_with_its_last_record(way: Way) -> None:
    made = way.journal()
    made.add(entry())

    async def end() -> None:
        running = asyncio.create_task(made.run())
        await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(end())
    ingest = way.ingest()
    asyncio.run(ingest.sweep())
    assert way.requests() == ["r-0"]
    assert [*way.layout.spools.iterdir()] == []
    asyncio.run(ingest.housekeep())
    assert way.store.run(lambda tx: trail.position(tx, "audit-control-1")) == ""


def test_a_flood_is_counted_and_not_kept(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "PENDING_MAX", 5)
    made = way.journal("gateway-0")
    for number in range(12):
        made.add(entry(number))
    made.flush()
    made.flush()
    asyncio.run(way.ingest().sweep())
    found = way.kept()
    assert [each.event_name for each in found].count("ListModels") == 5
    (lost,) = [json.loads(each.record) for each in found if each.event_name == LOST]
    told = lost["additionalEventData"]
    assert (told["spool"], json.loads(told["why"])) == ("audit-gateway-0-1", {"omitted": 7})


def test_records_that_nobody_carried_in_time_are_missed_and_said(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "SEGMENTS_MAX", 2)
    made = way.journal()
    folder = way.layout.audit_spool("control", "1")
    large = replace(entry(), params={"Name": "n" * 20_000})
    for number in range(180):
        made.add(replace(large, request_id=f"r-{number}"))
    made.flush()
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 2 * spool.SEGMENT_BYTES
    asyncio.run(way.ingest().sweep())
    assert way.requests()[-1] == "r-179"
    assert LOST in [each.event_name for each in way.kept()]


def test_a_line_that_is_no_record_stops_nobody(way: Way) -> None:
    made = way.journal()
    made.add(entry(0))
    made.flush()
    assert made._writer is not None
    for line in (b"{", b"[]", b'{"eventID": 1}'):
        made._writer.append(int(NOW * 1000), spool.STDOUT, [line])
    made.add(entry(1))
    made.flush()
    asyncio.run(way.ingest().sweep())
    assert [each for each in way.requests() if each] == ["r-0", "r-1"]
    assert [each.event_name for each in way.kept()].count(LOST) == 3


def test_without_a_disk_calls_go_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "spool").write_text("no folder")
    made = Journal(tmp_path / "spool" / "audit-s3")
    for _ in range(3):
        made.add(entry())
        made.flush()
    assert caplog.text.count("records of calls wait in memory for now") == 1
    assert len(made.take()) == 3


def test_records_are_kept_for_their_days_and_their_number(way: Way) -> None:
    made = way.journal()
    for number in range(10):
        made.add(entry(number))
    made.flush()
    ingest = way.ingest(days=2, records=1_000)
    asyncio.run(ingest.sweep())
    way.clock.time = NOW + 2 * DAY_MS / 1000 + 4.5
    asyncio.run(ingest.housekeep())
    assert way.requests() == [f"r-{number}" for number in range(5, 10)]
    way.store.run(lambda tx: trail.expire(tx, int(NOW * 1000), days=90, records_max=2), write=True)
    assert way.requests() == ["r-8", "r-9"]


def test_an_assumed_role_names_its_role() -> None:
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/Deploy/kim"
    caller = Principal(arn, ACCOUNT, "AROAROLE:kim", "Deploy")
    identity = json.loads(record.written(replace(entry(), caller=caller)))["userIdentity"]
    assert (identity["type"], identity["arn"]) == ("AssumedRole", arn)
    issuer = identity["sessionContext"]["sessionIssuer"]
    assert (issuer["principalId"], issuer["userName"]) == ("AROAROLE", "Deploy")


@pytest.mark.parametrize("value", [2**70, "half \ud800 of a character", object(), b"\xff"])
def test_what_json_cannot_hold_loses_no_record(value: object) -> None:
    line = json.loads(record.written(replace(entry(), params={"Name": value})))
    assert line["requestID"] == "r-0"
