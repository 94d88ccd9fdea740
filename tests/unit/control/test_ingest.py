"""From spools to CloudWatch Logs: each line once, whoever died in between."""

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hostler.control import ingest, log_writing
from hostler.control.ingest import Ingest
from hostler.control.log_writing import LogWriting
from hostler.domain.ids import InstanceId
from hostler.domain.layout import Layout
from hostler.modelserver import spool
from hostler.store import schema
from hostler.store.database import Store, StoreUnavailableError
from hostler.store.identities import entities, policies
from hostler.telemetry import events, logs
from hostler.telemetry.events import FIRST, Span
from hostler.toolkit import policies as toolkit_policies

GROUP = "/aws/sagemaker/Endpoints/rc-fraud-ep"
INSTANCE = InstanceId("i-0123456789abcdef0")


ACCOUNT, REGION = "123456789012", "us-east-1"
MAY_WRITE = {
    "Effect": "Allow",
    "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
    "Resource": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/sagemaker/Endpoints/*",
}
STREAMS = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{GROUP}:log-stream:"


@dataclass
class Clock:
    time: float = 1_700_000_000.0

    def now(self) -> float:
        return self.time


class World:
    def __init__(self, root: Path) -> None:
        self.layout = Layout(root)
        self.store = Store("sqlite://", inline=True, tables=logs.metadata)
        self.store.create_tables()
        self.clock = Clock()
        self.control = Store("sqlite://", inline=True, tables=schema.metadata)
        self.control.create_tables()
        trust = json.dumps(toolkit_policies.trust())
        self.role = self.control.run(
            lambda tx: entities.create_role(tx, ACCOUNT, "r", path="/", trust=trust, now=0.0),
            write=True,
        )
        self.may(MAY_WRITE)
        self.writing = LogWriting(self.control, self.clock)
        self.ingest = self.restarted()

    def may(self, *statements: object) -> None:
        """The execution role's only policy from now on."""
        text = json.dumps({"Version": "2012-10-17", "Statement": statements})
        self.control.run(lambda tx: policies.put_inline(tx, self.role.id, "p", text), write=True)
        self.clock.time += log_writing.KEPT_S

    def restarted(self, store: Any = None) -> Ingest:
        """The ingester of another life of the control process."""
        return Ingest(store or self.store, self.layout, self.clock, self.writing)

    def instance(self, instance_id: str = INSTANCE, variant: str = "AllTraffic") -> Path:
        folder = self.layout.instance(instance_id)
        (folder / "spool").mkdir(parents=True)
        spec = {
            "account": ACCOUNT,
            "region": REGION,
            "endpoint_name": "rc-fraud-ep",
            "variant_name": variant,
            "role_arn": self.role.arn,
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
            group = logs.group(tx, ACCOUNT, REGION, GROUP)
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
    made.control.close()
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
    monkeypatch.setattr(ingest, "QUIET_AT_ONCE", 2)
    instances = [f"i-{number:017x}" for number in range(5)]
    for each in instances:
        world.instance(each)
        world.write("one", instance_id=each)
    asyncio.run(world.ingest.sweep())
    for each in instances:
        world.write("two", instance_id=each)
    asyncio.run(world.ingest.sweep())
    assert 5 < len(world.texts()) <= 7
    for _ in range(2):
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


def writes(*actions: str, effect: str = "Allow", resource: str = "*") -> dict[str, object]:
    return {"Effect": effect, "Action": [f"logs:{each}" for each in actions], "Resource": resource}


@pytest.mark.parametrize(
    ("statements", "lacks"),
    [
        ((writes("Describe*"),), f"logs:CreateLogGroup on {STREAMS}: no policy allows it"),
        (
            (writes("CreateLogGroup", "PutLogEvents"),),
            f"logs:CreateLogStream on {STREAMS}AllTraffic/{INSTANCE}: no policy allows it",
        ),
        (
            (MAY_WRITE, writes("PutLogEvents", effect="Deny", resource=f"{STREAMS}AllTraffic/*")),
            f"logs:PutLogEvents on {STREAMS}AllTraffic/{INSTANCE}: p denies it",
        ),
    ],
)
def test_what_the_execution_role_may_not_write_waits_until_it_may(
    world: World,
    statements: Sequence[object],
    lacks: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    world.instance()
    world.may(*statements)
    world.write("one")
    for _ in range(3):
        asyncio.run(world.ingest.sweep())
    assert world.texts() == []
    (said,) = (record.getMessage() for record in caplog.records)
    assert lacks in said
    assert world.role.arn in said
    assert world.writing.problem is not None
    assert "1 endpoint" in world.writing.problem
    world.may(MAY_WRITE)
    asyncio.run(world.ingest.sweep())
    assert world.texts() == ["one"]
    assert world.writing.problem is None


def test_a_role_that_trusts_as_awss_guide_advises_writes_its_regions_logs(world: World) -> None:
    trust = json.loads(world.role.trust)
    source = {"aws:SourceArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:*"}
    trust["Statement"][0]["Condition"] = {"ArnLike": source}
    text = json.dumps(trust)
    world.control.run(lambda tx: entities.update_role(tx, world.role, trust=text), write=True)
    world.instance()
    world.write("one")
    asyncio.run(world.ingest.sweep())
    assert world.texts() == ["one"]


def test_a_group_that_is_there_need_not_be_the_roles_to_make(world: World) -> None:
    world.may(writes("CreateLogStream", "PutLogEvents", resource=f"{STREAMS}*"))
    world.store.run(lambda tx: logs.create_group(tx, ACCOUNT, REGION, GROUP, 0), write=True)
    world.instance()
    world.write("one")
    asyncio.run(world.ingest.sweep())
    assert world.texts() == ["one"]


def test_a_role_that_is_gone_or_trusts_sagemaker_no_more_writes_nothing(world: World) -> None:
    world.instance()
    world.write("one")
    asyncio.run(world.ingest.sweep())
    nobody = json.dumps({"Version": "2012-10-17", "Statement": []})
    world.control.run(lambda tx: entities.update_role(tx, world.role, trust=nobody), write=True)
    world.clock.time += log_writing.KEPT_S
    world.write("two")
    asyncio.run(world.ingest.sweep())
    assert world.texts() == ["one"]
    asyncio.run(world.ingest.drain(INSTANCE))
    assert world.writing.problem is None, "what is gone waits no more"
