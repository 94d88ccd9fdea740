import asyncio
import os
from pathlib import Path

import pytest

from hostler.backends.process import references
from hostler.backends.process.references import SharedFolders


def setting(tmp_path: Path) -> tuple[SharedFolders, Path, Path]:
    instances = tmp_path / "i"
    for name in ("a", "b"):
        (instances / name).mkdir(parents=True)
    shared = SharedFolders(tmp_path / "models", (instances, tmp_path / "prepared"), "model")
    return shared, instances / "a", instances / "b"


async def one_file(folder: Path) -> None:
    (folder / "file").write_text("1")


async def broken(folder: Path) -> None:
    (folder / "half").write_text("1")
    raise OSError("disk full")


def test_a_folder_is_made_once_and_kept_while_anyone_refers_to_it(tmp_path: Path) -> None:
    shared, a, b = setting(tmp_path)
    made = []

    async def make(folder: Path) -> None:
        made.append(folder)
        await one_file(folder)

    async def story() -> None:
        first, second = await asyncio.gather(
            shared.ensure("k", a, make), shared.ensure("k", b, make)
        )
        assert first == second == tmp_path / "models" / "k"
        assert (first / "file").read_text() == "1"
        assert len(made) == 1
        assert shared.used_by(a) == "k"
        (a / "model").unlink()
        await shared.release("k")
        assert first.is_dir()
        (b / "model").unlink()
        await shared.release("k")
        assert not first.exists()

    asyncio.run(story())


def test_what_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    shared, a, _ = setting(tmp_path)

    async def story() -> None:
        with pytest.raises(OSError, match="disk full"):
            await shared.ensure("k", a, broken)
        assert list((tmp_path / "models").iterdir()) == []
        await shared.ensure("k", a, one_file)

    asyncio.run(story())


def test_what_is_being_deleted_is_no_folder_any_more_whoever_stops_that_half_way(
    tmp_path: Path,
) -> None:
    shared, a, _ = setting(tmp_path)

    async def many_files(folder: Path) -> None:
        for number in range(1000):
            (folder / str(number)).touch()

    async def story() -> None:
        first = await shared.ensure("k", a, many_files)
        (a / "model").unlink()
        deletion = asyncio.create_task(shared.release("k"))
        await asyncio.sleep(0)
        assert not first.exists()
        deletion.cancel()
        await asyncio.gather(deletion, return_exceptions=True)
        again = await shared.ensure("k", a, many_files)
        assert len(list(again.iterdir())) == 1000

    asyncio.run(story())


def test_code_that_was_unpacked_aside_is_deleted_by_nobody_else_s_clearing(tmp_path: Path) -> None:
    shared, a, _ = setting(tmp_path)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def make(folder: Path) -> None:
        beside = folder.with_name(f"{folder.name}.code")
        beside.mkdir()
        begun.set()
        await go_on.wait()
        beside.rename(folder / "code")

    async def story() -> None:
        making = asyncio.create_task(shared.ensure("k", a, make))
        await begun.wait()
        sweeping = asyncio.create_task(shared.sweep())
        await asyncio.sleep(0)
        go_on.set()
        made = await making
        await sweeping
        assert [path.name for path in made.iterdir()] == ["code"]

    asyncio.run(story())


def test_a_new_life_clears_away_what_was_half_made_or_is_unused(tmp_path: Path) -> None:
    shared, a, _ = setting(tmp_path)

    async def story() -> None:
        await shared.ensure("kept", a, one_file)
        for name in (".half.1.part", ".half.1.part.code", ".old.2.gone", "unused"):
            (tmp_path / "models" / name).mkdir()
        await shared.sweep()
        assert [path.name for path in (tmp_path / "models").iterdir()] == ["kept"]

    asyncio.run(story())


def test_a_folder_is_readable_by_others_whatever_the_umask(tmp_path: Path) -> None:
    shared, a, _ = setting(tmp_path)
    before = os.umask(0o077)
    try:
        folder = asyncio.run(shared.ensure("k", a, one_file))
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o755


def test_a_reference_from_any_place_of_users_counts(tmp_path: Path) -> None:
    shared, a, _ = setting(tmp_path)
    prepared = tmp_path / "prepared" / "p"
    prepared.mkdir(parents=True)

    async def story() -> None:
        folder = await shared.ensure("k", prepared, one_file)
        assert await shared.ensure("k", a, broken) == folder
        (a / "model").unlink()
        await shared.release("k")
        assert folder.is_dir()
        (prepared / "model").unlink()
        await shared.sweep()
        assert not folder.exists()

    asyncio.run(story())


def test_so_many_are_made_at_once_and_who_finds_one_or_waits_for_it_takes_no_turn(
    tmp_path: Path,
) -> None:
    shared, a, b = setting(tmp_path)
    users = [a, b]
    for number in range(references.AT_ONCE):
        users.append(tmp_path / "i" / f"more{number}")
        users[-1].mkdir()
    making: list[Path] = []
    go_on = asyncio.Event()

    async def make(folder: Path) -> None:
        making.append(folder)
        await go_on.wait()

    async def story() -> None:
        there = await shared.ensure("there", a, one_file)
        waiting = [asyncio.create_task(shared.ensure("k", user, make)) for user in users]
        another = asyncio.create_task(shared.ensure("another", b, make))
        while len(making) < 2:
            await asyncio.sleep(0)
        more = [asyncio.create_task(shared.ensure(user.name, user, make)) for user in users]
        while len(making) < references.AT_ONCE:
            await asyncio.sleep(0)
        assert await shared.ensure("there", a, broken) == there
        assert len(making) == references.AT_ONCE
        go_on.set()
        await asyncio.gather(*waiting, another, *more)

    asyncio.run(story())
