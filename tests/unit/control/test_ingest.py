"""From spools to CloudWatch Logs: each line once, whoever died in between."""

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from hostler.control import ingest
from hostler.control.ingest import Ingest
from hostler.domain.ids import InstanceId
from hostler.domain.layout import Layout
from hostler.modelserver import spool
from hostler.store.database import Store, StoreUnavailableError
from hostler.telemetry import events, logs
from hostler.telemetry.events import FIRST, Span

GROUP = "/aws/sagemaker/Endpoints/rc-fraud-ep"
INSTANCE = InstanceId("i-0123456789abcdef0")


class Clock:
    def now(self) -> float:
        return 1_700_000_000.0


class World:
    def __init__(self, root: Path) -> None:
        self.layout = Layout(root)
        self.store = Store("sqlite://", inline=True, tables=logs.metadata)
        self.store.create_tables()
        self.ingest = self.restarted()

    def restarted(self, store: Any = None) -> Ingest:
        """The ingester of another life of the control process."""
        return Ingest(store or self.store, self.layout, Clock())

    def instance(self, instance_id: str = INSTANCE, variant: str = "AllTraffic") -> Path:
        folder = self.layout.instance(instance_id)
        (folder / "spool").mkdir(parents=True)
        spec = {
            "account": "123456789012",
            "region": "us-east-1",
            "endpoint_name": "rc-fraud-ep",
            "variant_name": variant,
        }
        (folder / "spec.json").write_text(json.dumps({"version": 1, "spec": spec}))
        return folder

    def write(self, *lines: str, instance_id: str = INSTANCE, segment_bytes: int = 1 << 20) -> None:
        fd = os.open(self.layout.instance(instance_id) / "spool", os.O_RDONLY | os.O_DIRECTORY)
        writer = spool.Writer(fd, segment_bytes=segment_bytes)
        for line in lines:
            writer.append(1_700_000_000_000, spool.STDOUT, [line.encode()])
        writer.close()
        os.close(fd)

    def lines(self) -> Sequence[tuple[str, str]]:
        def read(tx: Any) -> Sequence[tuple[str, str]]:
            group = logs.group(tx, "123456789012", "us-east-1", GROUP)
            if group is None:
                return []
            found = events.walk(tx, Span(group.id), FIRST, forward=True)
            return [(event.stream, event.message) for event in found]

        return self.store.run(read)

    def texts(self) -> list[str]:
        return [text for _, text in self.lines()]


@pytest.fixture
def world() -> Iterator[World]:
    root = Path(tempfile.mkdtemp(dir="/tmp", prefix="h-"))
    made = World(root)
    yield made
    made.store.close()
    shutil.rmtree(root)


def test_lines_reach_the_endpoints_group(world: World) -> None:
    world.instance()
    world.write("one", "two")
    asyncio.run(world.ingest.sweep())
    stream = f"AllTraffic/{INSTANCE}"
    assert world.lines() == [(stream, "one"), (stream, "two")]


def test_a_folder_that_vanished_is_forgotten_whole(world: World) -> None:
    """Not removed by us, who would have drained it: deleted by hand."""
    world.instance()
    world.write("one")
    asyncio.run(world.ingest.sweep())
    shutil.rmtree(world.layout.instance(INSTANCE))
    asyncio.run(world.ingest.housekeep())
    world.instance(variant="Another")
    world.write("one")
    asyncio.run(world.ingest.sweep())
    streams = [f"{variant}/{INSTANCE}" for variant in ("AllTraffic", "Another")]
    assert sorted(world.lines()) == [(stream, "one") for stream in streams]


def test_each_line_once_over_restarts(world: World) -> None:
    world.instance()
    world.write("one")
    asyncio.run(world.ingest.sweep())
    asyncio.run(world.ingest.sweep())
    world.write("written while control was dead")
    asyncio.run(world.restarted().sweep())
    asyncio.run(world.restarted().sweep())
    assert world.texts() == ["one", "written while control was dead"]


def test_a_segment_that_begins_unseen_is_found(world: World) -> None:
    """The folder's time may be the same as when it was read: the clock that it shows is coarse."""
    folder = world.instance() / "spool"
    world.write("one")
    asyncio.run(world.ingest.sweep())
    asyncio.run(world.ingest.sweep())
    before = folder.stat()
    world.write("two")  # a writer begins a segment of its own
    os.utime(folder, ns=(before.st_atime_ns, before.st_mtime_ns))
    asyncio.run(world.ingest.sweep())
    assert world.texts() == ["one", "two"]


def test_what_lay_still_for_long_is_noticed_by_its_folders_time(world: World) -> None:
    folder = world.instance() / "spool"
    world.write("one")
    os.utime(folder, (1, 1))
    for _ in range(3):
        asyncio.run(world.ingest.sweep())
    world.write("two")
    asyncio.run(world.ingest.sweep())
    assert world.texts() == ["one", "two"]


def test_what_was_quiet_is_still_read_soon(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "QUIET_S", -1.0)  # everything is, at once
    instances = [f"i-{number:017x}" for number in range(5)]
    for each in instances:
        world.instance(each)
        world.write("one", instance_id=each)
    asyncio.run(world.ingest.sweep())
    for each in instances:
        world.write("two", instance_id=each)
    for _ in range(ingest.QUIET_SWEEPS):
        asyncio.run(world.ingest.sweep())
    assert sorted(world.texts()) == ["one"] * 5 + ["two"] * 5


def test_more_lines_than_a_batch_and_a_segment(world: World) -> None:
    world.instance()
    texts = [f"line {n} {'x' * 100}" for n in range(2_500)]
    world.write(*texts, segment_bytes=100_000)
    asyncio.run(world.ingest.sweep())
    assert world.texts() == texts


def test_the_last_words_are_read_before_the_folder_goes(world: World) -> None:
    folder = world.instance()
    world.write("one")
    asyncio.run(world.ingest.sweep())
    world.write("last words")
    asyncio.run(world.ingest.drain(INSTANCE))
    shutil.rmtree(folder)
    asyncio.run(world.ingest.sweep())
    asyncio.run(world.ingest.housekeep())
    assert world.texts() == ["one", "last words"]
    assert world.store.run(logs.sources) == []


def test_draining_and_sweeping_together_double_nothing(world: World) -> None:
    world.instance()
    texts = [f"line {n}" for n in range(3_000)]
    world.write(*texts)

    async def both() -> None:
        await asyncio.gather(
            world.ingest.sweep(), world.ingest.drain(INSTANCE), world.restarted().sweep()
        )

    asyncio.run(both())
    assert world.texts() == texts


def test_a_folder_that_is_no_instance_is_passed_over(world: World) -> None:
    (world.layout.instances / "i-broken" / "spool").mkdir(parents=True)
    (world.layout.instances / ".gone").mkdir()
    world.instance("i-0b")
    world.write("fine", instance_id="i-0b")
    world.write("lost", instance_id="i-broken")
    asyncio.run(world.ingest.sweep())
    asyncio.run(world.ingest.drain(InstanceId("i-absent")))
    assert world.texts() == ["fine"]


def test_a_database_that_cannot_be_written_loses_nothing(world: World) -> None:
    class Full:
        async def read(self, transaction: Any) -> Any:
            return await world.store.read(transaction)

        async def write(self, _transaction: Any) -> Any:
            raise StoreUnavailableError("database or disk is full")

    world.instance()
    world.write("one")
    unlucky = world.restarted(Full())
    with pytest.raises(StoreUnavailableError):
        asyncio.run(unlucky.drain(INSTANCE))
    asyncio.run(world.ingest.sweep())
    assert world.texts() == ["one"]
