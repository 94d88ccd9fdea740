"""Publisher and subscriber over a real socket."""

import asyncio
import contextlib
import dataclasses
import shutil
import tempfile
from pathlib import Path

import msgspec
import pytest

from hostler.control.publish import Publication
from hostler.domain.snapshot import Credential, Demand, Identities, Snapshot
from hostler.snapshot import codec, file, wire
from hostler.snapshot.clock import SystemClock
from hostler.snapshot.publisher import Publisher
from hostler.snapshot.subscriber import Subscriber

FIRST = Snapshot(generation=1, account="123456789012", region="us-east-1")


@pytest.fixture
def folder():
    path = Path(tempfile.mkdtemp(dir="/tmp", prefix="h-"))
    yield path
    shutil.rmtree(path)


def generation(number: int) -> Snapshot:
    return dataclasses.replace(FIRST, generation=number)


class Inbox:
    """Collects snapshots and lets a test wait for one."""

    def __init__(self) -> None:
        self.generations: list[int] = []
        self.newest: Snapshot | None = None
        self.changed = asyncio.Condition()

    def __call__(self, snapshot: Snapshot) -> None:
        self.generations.append(snapshot.generation)
        self.newest = snapshot
        asyncio.get_running_loop().create_task(self._tell())

    async def _tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def until(self, number: int) -> None:
        async with self.changed, asyncio.timeout(60):
            await self.changed.wait_for(lambda: number in self.generations)


async def settled(publisher: Publisher, number: int) -> None:
    async with asyncio.timeout(60):
        while not publisher.acked(number):
            await asyncio.sleep(0)


def test_a_subscriber_gets_the_file_then_every_later_snapshot(folder):
    async def story() -> None:
        file.save(folder / "snapshot", FIRST)
        publisher = Publisher(folder / "push.sock", folder / "snapshot")
        inbox = Inbox()
        subscriber = Subscriber(folder / "push.sock", folder / "snapshot", inbox, "gateway-0")
        assert subscriber.load()
        assert inbox.generations == [1]
        assert publisher.next_generation() == 2
        await publisher.start()
        task = asyncio.create_task(subscriber.run())
        publisher.publish(generation(2))
        await inbox.until(2)
        await settled(publisher, 2)
        assert [(who.kind, who.name) for who, _ in publisher.subscribers()] == [
            ("gateway", "gateway-0")
        ]
        assert publisher.acked(2)
        assert not publisher.acked(3)
        publisher.publish(generation(3))
        await inbox.until(3)
        await settled(publisher, 3)
        assert file.load(folder / "snapshot") == generation(3)
        task.cancel()
        await publisher.close()

    asyncio.run(story())


def test_a_subscriber_outlives_its_publisher_and_finds_the_next(folder):
    async def story() -> None:
        inbox = Inbox()
        subscriber = Subscriber(folder / "push.sock", folder / "snapshot", inbox, "gateway-0")
        assert not subscriber.load()
        task = asyncio.create_task(subscriber.run())
        for number in (1, 2):
            publisher = Publisher(folder / "push.sock", folder / "snapshot")
            await publisher.start()
            publisher.publish(generation(number))
            await inbox.until(number)
            await publisher.close()
        task.cancel()

    asyncio.run(story())


def test_older_and_repeated_generations_are_not_put_to_use(folder):
    async def story() -> None:
        file.save(folder / "snapshot", generation(9))
        inbox = Inbox()
        publisher = Publisher(folder / "push.sock", folder / "unwritten")
        await publisher.start()
        publisher.publish(generation(5))
        subscriber = Subscriber(folder / "push.sock", folder / "snapshot", inbox, "gateway-0")
        subscriber.load()
        task = asyncio.create_task(subscriber.run())
        publisher.publish(generation(9))
        publisher.publish(generation(10))
        await inbox.until(10)
        assert inbox.generations == [9, 10]
        task.cancel()
        await publisher.close()

    asyncio.run(story())


def test_an_unusable_snapshot_is_not_acknowledged(folder):
    async def story() -> None:
        inbox = Inbox()
        publisher = Publisher(folder / "push.sock", folder / "snapshot")
        await publisher.start()
        task = asyncio.create_task(
            Subscriber(folder / "push.sock", folder / "snapshot", inbox, "gateway-0").run()
        )
        async with asyncio.timeout(60):
            while not publisher.subscribers():
                await asyncio.sleep(0)
        publisher.publish(dataclasses.replace(generation(3), format=99))
        async with asyncio.timeout(60):
            while publisher.subscribers():
                await asyncio.sleep(0)
        assert inbox.generations == []
        task.cancel()
        await publisher.close()

    asyncio.run(story())


def test_only_gateways_are_waited_for(folder):
    async def story() -> None:
        publisher = Publisher(folder / "push.sock", folder / "snapshot")
        await publisher.start()
        _reader, writer = await asyncio.open_unix_connection(folder / "push.sock")
        writer.write(wire.packed(wire.Greeting(1, "s3", "s3", 1)))
        async with asyncio.timeout(60):
            while not publisher.subscribers():
                await asyncio.sleep(0)
        publisher.publish(FIRST)
        assert publisher.acked(1)
        _reader, second = await asyncio.open_unix_connection(folder / "push.sock")
        second.write(wire.packed(wire.Greeting(1, "gateway", "gateway-0", 1)))
        async with asyncio.timeout(60):
            while len(publisher.subscribers()) < 2:
                await asyncio.sleep(0)
        assert not publisher.acked(1)
        writer.close()
        second.close()
        await publisher.close()

    asyncio.run(story())


def test_strangers_are_cut_off(folder):
    async def story() -> None:
        publisher = Publisher(folder / "push.sock", folder / "snapshot")
        await publisher.start()
        publisher.publish(FIRST)
        for words in (b"GET / HTTP/1.1\r\n\r\n", wire.packed(b"not msgpack")):
            reader, writer = await asyncio.open_unix_connection(folder / "push.sock")
            writer.write(words)
            async with asyncio.timeout(60):
                assert await reader.read() == b""
            writer.close()
        await publisher.close()

    asyncio.run(story())


def test_a_newer_subscriber_is_refused_and_an_older_one_served(folder, caplog, monkeypatch):
    async def story() -> None:
        publisher = Publisher(folder / "push.sock", folder / "snapshot")
        await publisher.start()
        for _ in range(2):
            reader, writer = await asyncio.open_unix_connection(folder / "push.sock")
            writer.write(wire.packed(msgspec.msgpack.encode({"v": wire.VERSION + 1, "new": "x"})))
            async with asyncio.timeout(60):
                assert await reader.read() == b""
            writer.close()
        assert publisher.subscribers() == []
        monkeypatch.setattr(wire, "VERSION", wire.VERSION + 1)
        _reader, writer = await asyncio.open_unix_connection(folder / "push.sock")
        writer.write(wire.packed(wire.Greeting(wire.VERSION - 1, "gateway", "gateway-0", 1)))
        async with asyncio.timeout(60):
            while not publisher.subscribers():
                await asyncio.sleep(0)
        writer.close()
        await publisher.close()

    asyncio.run(story())
    (said,) = [record.getMessage() for record in caplog.records if "version" in record.getMessage()]
    assert "version 2 of the snapshot wire, this Hostler up to 1" in said


def test_a_full_disk_does_not_stop_the_push(folder):
    async def story() -> None:
        (folder / "snapshot").mkdir()
        (folder / "snapshot" / "x").touch()
        inbox = Inbox()
        publisher = Publisher(folder / "push.sock", folder / "snapshot")
        await publisher.start()
        publisher.publish(FIRST)
        subscriber = Subscriber(folder / "push.sock", folder / "gone", inbox, "gateway-0")
        task = asyncio.create_task(subscriber.run())
        await inbox.until(1)
        assert codec.decode(codec.encode(FIRST)) == FIRST
        task.cancel()
        await publisher.close()

    asyncio.run(story())


@contextlib.contextmanager
def nowhere_to_write(path: Path):
    """The file's folder is away; what it holds comes back with it."""
    away = path.parent.with_name("away")
    path.parent.rename(away)
    yield
    away.rename(path.parent)


async def live_ahead_of(path: Path, inbox: Inbox, unwritten: tuple[int, ...]) -> None:
    """A publisher's life whose snapshots after the first, with a key, reach only the inbox."""
    publisher = Publisher(path.parent.parent / "push.sock", path)
    await publisher.start()
    publisher.publish(generation(1))
    with nowhere_to_write(path):
        for number in unwritten:
            key = Credential("AKIA", "secret", "arn")
            publisher.publish(dataclasses.replace(generation(number), credentials=(key,)))
        await inbox.until(unwritten[-1])
        await publisher.close()


@pytest.mark.parametrize("unwritten", [(2,), (2, 3)])
def test_what_an_earlier_life_could_not_write_is_no_acknowledgement(folder, unwritten):
    """A gateway ahead of the file once seemed to use all that a restarted control published."""
    path = folder / "run" / "snapshot"
    path.parent.mkdir()

    async def story() -> None:
        inbox, heard = Inbox(), asyncio.Event()
        subscriber = Subscriber(folder / "push.sock", path, inbox, "gateway-0")
        following = asyncio.create_task(subscriber.run())
        await live_ahead_of(path, inbox, unwritten)
        second = Publisher(folder / "push.sock", path, on_ack=lambda _generation: heard.set())
        await second.start()
        second.publish(generation(second.next_generation()))
        async with asyncio.timeout(60):
            await heard.wait()
        assert second.generation == 2
        assert not second.acked(2)
        assert second.subscribers()[0][1] == 0
        again = second.next_generation()
        assert again > unwritten[-1]
        second.publish(generation(again))
        await inbox.until(again)
        await settled(second, again)
        following.cancel()
        await second.close()

    asyncio.run(story())


@pytest.mark.parametrize("unwritten", [(2,), (2, 3)])
def test_a_restarted_control_takes_back_keys_that_only_the_gateways_remember(folder, unwritten):
    """Its first snapshot has a number they have used: it is published again, above theirs."""
    path = folder / "run" / "snapshot"
    path.parent.mkdir()

    async def story() -> None:
        inbox = Inbox()
        subscriber = Subscriber(folder / "push.sock", path, inbox, "gateway-0")
        following = asyncio.create_task(subscriber.run())
        await live_ahead_of(path, inbox, unwritten)
        second = Publisher(folder / "push.sock", path)
        publication = Publication(
            second, SystemClock(), account="1", region="r", on_progress=lambda: None
        )
        second.on_ack = publication.acknowledged
        await second.start()
        publication.begin(file.load(path), ())
        publication.set_identities(Identities())
        assert second.generation == 2
        again = unwritten[-1] + (2 if unwritten == (2,) else 1)  # where numbers meet, one is left
        await inbox.until(again)
        await settled(second, again)
        assert inbox.newest is not None
        assert inbox.newest.credentials == ()
        assert not publication.pending
        following.cancel()
        await second.close()

    asyncio.run(story())


def test_a_publisher_that_cannot_read_its_file_learns_from_a_gateway(folder):
    async def story() -> None:
        file.save(folder / "snapshot", generation(9))
        inbox, heard = Inbox(), []
        subscriber = Subscriber(folder / "push.sock", folder / "snapshot", inbox, "gateway-0")
        assert subscriber.load()
        (folder / "snapshot").write_bytes(b"torn")
        publisher = Publisher(folder / "push.sock", folder / "snapshot", heard.append)
        await publisher.start()
        publisher.publish(generation(publisher.next_generation()))
        following = asyncio.create_task(subscriber.run())
        async with asyncio.timeout(60):
            while not heard:
                await asyncio.sleep(0)
        assert heard == [9]
        assert not publisher.acked(1)
        assert publisher.next_generation() == 10
        following.cancel()
        await publisher.close()

    asyncio.run(story())


def test_a_gateway_that_comes_back_with_what_is_in_force_acknowledges_it(folder):
    async def story() -> None:
        publisher = Publisher(folder / "push.sock", folder / "snapshot")
        await publisher.start()
        publisher.publish(dataclasses.replace(FIRST, account="2"))
        for _life in range(2):
            inbox = Inbox()
            subscriber = Subscriber(folder / "push.sock", folder / "snapshot", inbox, "gateway-0")
            assert subscriber.load()
            for _connection in range(2):
                following = asyncio.create_task(subscriber.run())
                async with asyncio.timeout(60):
                    while not publisher.subscribers():
                        await asyncio.sleep(0)
                await settled(publisher, 1)
                following.cancel()
                async with asyncio.timeout(60):
                    while publisher.subscribers():
                        await asyncio.sleep(0)
            assert inbox.generations == [1]
        assert publisher.next_generation() == 2
        await publisher.close()

    asyncio.run(story())


def test_a_snapshot_that_cannot_be_used_is_logged_and_the_next_one_is_received(folder, caplog):
    """An exception of whoever uses it once ended the subscription without a word."""

    async def story() -> None:
        used = Inbox()

        def use(snapshot: Snapshot) -> None:
            if snapshot.generation == 2:
                raise KeyError("no such principal")
            used(snapshot)

        publisher = Publisher(folder / "push.sock", folder / "snapshot")
        await publisher.start()
        subscriber = Subscriber(folder / "push.sock", folder / "snapshot", use, "gateway-0")
        task = asyncio.create_task(subscriber.run())
        publisher.publish(generation(1))
        await used.until(1)
        publisher.publish(generation(2))
        async with asyncio.timeout(60):
            while "no such principal" not in caplog.text:
                await asyncio.sleep(0)
        assert subscriber.generation == 1
        assert not publisher.acked(2) or not publisher.subscribers()
        publisher.publish(generation(3))
        await used.until(3)
        assert not task.done()
        task.cancel()
        await publisher.close()

    asyncio.run(story())
    assert "Traceback" in caplog.text
    assert caplog.text.count("cannot be used") == 1


def test_a_file_that_cannot_be_used_does_not_end_the_start(folder, caplog):
    def use(_snapshot: Snapshot) -> None:
        raise KeyError("no such principal")

    file.save(folder / "snapshot", FIRST)
    subscriber = Subscriber(folder / "push.sock", folder / "snapshot", use, "gateway-0")
    assert not subscriber.load()
    assert "no such principal" in caplog.text


def test_a_gateway_says_which_serverless_variants_are_used(folder):
    async def story() -> None:
        heard: list[tuple[str, tuple[Demand, ...]]] = []
        publisher = Publisher(
            folder / "push.sock",
            folder / "snapshot",
            on_demand=lambda name, demands: heard.append((name, demands)),
        )
        inbox, connected = Inbox(), asyncio.Event()
        subscriber = Subscriber(
            folder / "push.sock",
            folder / "snapshot",
            inbox,
            "gateway-0",
            on_connected=connected.set,
        )
        demands = [Demand(f"e-{number:017x}", "v" * 63, 200, 0.5) for number in range(50)]
        assert not subscriber.tell(demands), "nobody is there"
        await publisher.start()
        following = asyncio.create_task(subscriber.run())
        async with asyncio.timeout(60):
            await connected.wait()
            publisher.publish(FIRST)
            await settled(publisher, 1)
            assert subscriber.tell(demands)
            while sum(len(some) for _, some in heard) < len(demands):
                await asyncio.sleep(0.001)
        assert [each for _, some in heard for each in some] == demands
        assert {name for name, _ in heard} == {"gateway-0"}
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await publisher.close()

    asyncio.run(story())


def test_an_earlier_control_takes_a_demand_for_an_acknowledgement():
    class Earlier(msgspec.Struct):
        generation: int

    said = msgspec.msgpack.encode(wire.Acknowledgement(7, (Demand("e", "v", 1, 0.0),)))
    assert msgspec.msgpack.decode(said, type=Earlier).generation == 7
