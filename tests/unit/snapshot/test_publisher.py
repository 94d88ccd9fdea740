"""The file that the publisher keeps while it cannot be written; in virtual time."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

from hostler.domain.snapshot import Snapshot
from hostler.sim import loop as virtual
from hostler.snapshot import file
from hostler.snapshot.publisher import SAVE_AGAIN_S, Publisher


@contextlib.contextmanager
def nowhere_to_write(path: Path) -> Iterator[None]:
    """The file's folder is away; what it holds comes back with it."""
    away = path.parent.with_name("away")
    path.parent.rename(away)
    yield
    away.rename(path.parent)


def publisher_of(folder: Path) -> tuple[Publisher, Path]:
    path = folder / "run" / "snapshot"
    path.parent.mkdir()
    return Publisher(folder / "push.sock", path), path


def test_a_snapshot_that_could_not_be_written_is_written_once_it_can_be(tmp_path, caplog):
    """Nobody publishes again: it once stayed unwritten for ever."""
    publisher, path = publisher_of(tmp_path)

    async def story() -> None:
        publisher.publish(Snapshot(1))
        with nowhere_to_write(path):
            publisher.publish(Snapshot(2))
            publisher.publish(Snapshot(3))
            await asyncio.sleep(10 * SAVE_AGAIN_S)
        assert file.load(path) == Snapshot(1)
        await asyncio.sleep(SAVE_AGAIN_S)
        assert file.load(path) == Snapshot(3)
        assert Publisher(tmp_path / "other.sock", path).next_generation() == 4

    virtual.run(story())
    assert [each.levelname for each in caplog.records] == ["ERROR", "WARNING"]


def test_an_unwritten_snapshot_never_replaces_a_newer_one(tmp_path):
    publisher, path = publisher_of(tmp_path)

    async def story() -> None:
        with nowhere_to_write(path):
            publisher.publish(Snapshot(1))
        publisher.publish(Snapshot(2))
        await asyncio.sleep(2 * SAVE_AGAIN_S)
        assert file.load(path) == Snapshot(2)

    virtual.run(story())


def test_a_closed_publisher_writes_no_more(tmp_path):
    """The next life's file is not replaced by this one's."""
    publisher, path = publisher_of(tmp_path)

    async def story() -> None:
        with nowhere_to_write(path):
            publisher.publish(Snapshot(1))
            await publisher.close()
            publisher.publish(Snapshot(2))
        await asyncio.sleep(2 * SAVE_AGAIN_S)
        assert file.load(path) is None

    virtual.run(story())
