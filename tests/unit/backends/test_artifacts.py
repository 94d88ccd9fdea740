"""Model data and the threads and turns that it takes: files of the test's own, no errands."""

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from hostler.backends.process import references
from hostler.backends.process.artifacts import Artifacts
from hostler.backends.process.isolation import Tier, TierKind
from hostler.domain.instance import FailureCause
from hostler.domain.layout import Layout
from hostler.domain.model import Compression, Container, DataType, ModelData
from hostler.domain.ports import LocalFile, ModelDataError, Wanted
from instance_specs import SPEC

UNCONFINED = Tier(TierKind.RLIMITS, "")


@dataclass
class Source:
    """Model data whose looking up and bringing wait until they are let go."""

    folder: Path
    lookup: threading.Event
    bringing: threading.Event
    begun: threading.Semaphore

    def fetch(self, role_arn: str, region: str, data: ModelData) -> Sequence[LocalFile]:
        self.begun.release()
        self.lookup.wait()
        return [
            LocalFile(self.folder / f"of-{Path(data.uri).name}", "file", data.uri, 1, self.bring)
        ]

    def bring(self, path: Path, wanted: Wanted) -> None:
        self.begun.release()
        self.bringing.wait()
        path.write_text("1")


def setting(tmp_path: Path) -> tuple[Artifacts, Source]:
    source = Source(tmp_path, threading.Event(), threading.Event(), threading.Semaphore(0))
    return Artifacts(Layout(tmp_path / "d"), source, UNCONFINED), source


def ensure(
    artifacts: Artifacts, path: Path, uri: str, timeout_s: float = 60.0
) -> Coroutine[None, None, Path | None]:
    path.mkdir()
    container = Container("plain:1", {}, ModelData(uri, Compression.NONE, DataType.PREFIX))
    return artifacts.ensure(replace(SPEC, container=container, download_timeout_s=timeout_s), path)


def test_downloads_leave_the_event_loops_own_threads_to_others(tmp_path: Path) -> None:
    artifacts, source = setting(tmp_path)

    async def story() -> None:
        wanted = [
            asyncio.create_task(ensure(artifacts, tmp_path / f"i{n}", f"s3://b/{n}"))
            for n in range(64)
        ]
        while not source.begun.acquire(blocking=False):
            await asyncio.sleep(0.001)
        try:
            async with asyncio.timeout(5):
                assert await asyncio.to_thread(lambda: "read") == "read"
        finally:
            source.lookup.set()
            source.bringing.set()
        await asyncio.gather(*wanted)

    asyncio.run(story())


async def every_turn(
    artifacts: Artifacts, source: Source, folder: Path
) -> list[asyncio.Task[Path | None]]:
    """As many downloads as there are turns, each looked up and begun."""
    slow = [
        asyncio.create_task(ensure(artifacts, folder / f"i{n}", f"s3://b/{n}"))
        for n in range(references.AT_ONCE)
    ]
    for _ in range(2 * references.AT_ONCE):
        while not source.begun.acquire(blocking=False):
            await asyncio.sleep(0.001)
    return slow


def test_looking_up_waits_for_nobodys_download(tmp_path: Path) -> None:
    artifacts, source = setting(tmp_path)
    source.lookup.set()

    async def story() -> None:
        slow = await every_turn(artifacts, source, tmp_path)
        next_one = asyncio.create_task(ensure(artifacts, tmp_path / "next", "s3://b/next"))
        async with asyncio.timeout(5):
            while not source.begun.acquire(blocking=False):
                await asyncio.sleep(0.001)
        source.bringing.set()
        await asyncio.gather(*slow, next_one)

    asyncio.run(story())


def test_the_wait_for_a_turn_takes_none_of_the_time_to_download(tmp_path: Path) -> None:
    artifacts, source = setting(tmp_path)
    source.lookup.set()

    async def story() -> None:
        slow = await every_turn(artifacts, source, tmp_path)
        quick = asyncio.create_task(ensure(artifacts, tmp_path / "q", "s3://b/q", timeout_s=0.2))
        await asyncio.sleep(0.3)
        source.bringing.set()
        made = await quick
        assert made is not None
        assert (made / "file").read_text() == "1"
        await asyncio.gather(*slow)

    asyncio.run(story())


def test_a_download_that_lasts_too_long_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    artifacts, source = setting(tmp_path)
    source.lookup.set()
    told = threading.Event()

    def bring(path: Path, wanted: Wanted) -> None:
        pause = threading.Event()
        while wanted():
            pause.wait(0.001)
        told.set()
        raise OSError("it was cut")

    source.bring = bring  # type: ignore[method-assign]
    with pytest.raises(ModelDataError, match="not downloaded and unpacked") as caught:
        asyncio.run(ensure(artifacts, tmp_path / "i", "s3://b/k", timeout_s=0.05))
    assert caught.value.cause is FailureCause.DOWNLOAD_TIMEOUT
    assert told.is_set()
    assert list((tmp_path / "d" / "models").iterdir()) == []
