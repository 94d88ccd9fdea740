"""Spares: the next instance of a runtime that is in use is there already, and nobody's."""

import asyncio
import os
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from archives import ECHO
from hostler.backends.process.isolation import TierKind
from hostler.domain.config import Instances
from hostler.domain.instance import Phase
from hostler.modelserver import spares
from machine import needs_namespaces
from process_world import World, eventually, invoke, kill, tree, world

pytestmark = needs_namespaces

PRIVATE_MAX = 8 << 20
"""Bytes of both processes of a spare, together."""


def play(story: Callable[[World], Awaitable[None]], kind: TierKind | None = None) -> None:
    async def run() -> None:
        async with world(kind) as made:
            await made.ready(made.spec(script=ECHO))
            await story(made)

    asyncio.run(run())


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}/exe").exists()


def parent(pid: int) -> int:
    stat = Path(f"/proc/{pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])


def private(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Private_"))


def oom_score(pid: int) -> int:
    """How much sooner than others the kernel takes it where memory runs out."""
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


@pytest.mark.parametrize("kind", [None, TierKind.WATCHDOG])
def test_a_start_takes_the_spare_and_another_one_is_made(kind: TierKind | None) -> None:
    async def story(made: World) -> None:
        shell = await made.spare()
        assert private(shell) + private(parent(shell)) < PRIVATE_MAX
        first, second = made.spec(script=ECHO), made.spec(script=ECHO)
        taken, forked = await asyncio.gather(made.ready(first), made.ready(second))
        assert [taken.pid, forked.pid].count(shell) == 1, "two at once: one has to be forked"
        assert invoke(taken.sockets[0], b"1") == invoke(forked.sockets[0], b"1") == (200, b"1")
        assert oom_score(shell) == oom_score(os.getpid())
        assert await made.spare() not in (taken.pid, forked.pid)
        await made.backend.stop(first.instance_id, 5.0)
        ended = await made.until(first, Phase.EXITED)
        assert ended.exit is not None
        assert ended.exit.message == "the instance was stopped"

    play(story, kind)


@pytest.mark.parametrize("victim", ["zygote", "keeper", "shell"])
def test_a_spare_is_whole_or_gone_whoever_is_killed(victim: str) -> None:
    async def story(made: World) -> None:
        shell = await made.spare()
        keeper = parent(shell)
        pids = {"zygote": parent(keeper), "keeper": keeper, "shell": shell}
        kill(pids[victim])
        await eventually("both are gone", lambda: gone(shell) and gone(keeper))
        seen = await made.ready(made.spec(script=ECHO))
        assert invoke(seen.sockets[0], b"1") == (200, b"1")

    play(story)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to mount")
def test_what_the_host_mounts_and_unmounts_while_a_spare_waits_is_followed(tmp_path: Path) -> None:
    late = tmp_path / "late"
    late.mkdir()

    def run(*words: str | Path) -> None:
        subprocess.run(words, check=True)

    def mounted(shell: int) -> bool:
        return f" {late} " in Path(f"/proc/{shell}/mountinfo").read_text()

    async def story(made: World) -> None:
        shell = await made.spare()
        assert not mounted(shell)
        run("mount", "-t", "tmpfs", "late", late)
        try:
            assert mounted(shell)
        finally:
            run("umount", late)
        assert not mounted(shell)

    run("mount", "--bind", tmp_path, tmp_path)
    try:
        run("mount", "--make-shared", tmp_path)
        play(story)
    finally:
        run("umount", tmp_path)


def test_without_spares_there_is_none() -> None:
    async def story(made: World) -> None:
        shell = await made.spare()
        made.instances = Instances(spares=False)
        await made.reborn()
        seen = await made.ready(made.spec(script=ECHO))
        assert seen.pid == shell, "it was there already"
        await asyncio.sleep(2 * spares.DELAY_S)
        (zygote,) = made.zygotes.processes.values()
        assert tree(zygote.pid) == []

    play(story)
