"""Errands as anybody on the machine sees them, and what they cost us that they print."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from hostler.backends.process import errands
from process_world import World, eventually, world

SECRET = "https://me:hunter2@index"


def play(story: Callable[[World], Awaitable[None]]) -> None:
    async def run() -> None:
        async with world() as made:
            await story(made)

    asyncio.run(run())


def errand(made: World, code: str) -> errands.Errand:
    folder = made.layout.root / "errand"
    folder.mkdir()
    return errands.Errand(
        [errands.own_python(), "-I", "-c", code],
        made.layout.mount_point,
        writable=folder,
        environment={"UV_INDEX": SECRET},
    )


def command_lines() -> str:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_text(errors="replace"))
        except OSError:
            continue
    return "\n".join(found)


def test_no_secret_of_an_errand_is_in_the_list_of_processes() -> None:
    code = "import os, sys; open('{}', 'x'); sys.stdin.read(); print(os.environ['UV_INDEX'])"

    async def story(made: World) -> None:
        begun = made.layout.root / "errand" / "begun"
        read_end, write_end = os.pipe()
        running = asyncio.create_task(
            errands.run(made.tier, errand(made, code.format(begun)), 20.0, stdin=read_end)
        )
        try:
            await eventually("the errand runs", begun.exists)
            listed = command_lines()
        finally:
            os.close(write_end)
            outcome = await running
            os.close(read_end)
        assert str(begun) in listed
        assert "hunter2" not in listed
        assert (outcome.status, outcome.output) == (0, SECRET)

    play(story)


def test_of_what_an_errand_prints_the_end_is_kept() -> None:
    async def story(made: World) -> None:
        code = "print('x' * 10_000_000); print('the end')"
        outcome = await errands.run(made.tier, errand(made, code), 20.0)
        assert outcome.output.endswith("x\nthe end")
        assert len(outcome.output) < 100_000

    play(story)


def test_an_errand_leaves_nothing_where_its_root_was() -> None:
    async def story(made: World) -> None:
        outcome = await errands.run(made.tier, errand(made, "print(1)"), 20.0)
        assert outcome.output == "1"
        assert list(made.layout.mount_point.iterdir()) == []

    play(story)
