import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hostler.modelserver import processes, watchdog
from hostler.modelserver.watchdog import OomCounter, Watchdog

V1 = "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n"
V2 = "low 0\nhigh 0\nmax 3\noom 1\noom_kill {}\noom_group_kill 0\n"


def test_both_kernels_counts_are_read(tmp_path: Path) -> None:
    for text in (V1, V2):
        path = tmp_path / "counts"
        path.write_text(text.format(0))
        fd = os.open(path, os.O_RDONLY)
        counter = OomCounter(fd)
        assert not counter.advanced()
        path.write_text(text.format(2))
        assert counter.advanced()
        assert not counter.advanced()
        os.close(fd)


def test_without_a_file_nothing_is_ever_counted() -> None:
    assert not OomCounter(-1).advanced()


def test_children_are_found_by_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    grandchild = "import subprocess, sys\nsubprocess.run(['sleep', '60'])"
    child = subprocess.Popen([sys.executable, "-c", grandchild], start_new_session=True)
    try:
        found: list[set[int]] = []
        while len(found) < 2 or not found[0] or found[0] != found[1]:
            found.clear()
            for told in (True, False):
                monkeypatch.setattr(processes, "_TELLS_CHILDREN", told)
                found.append(set(processes.descendants(child.pid)))
            assert child.poll() is None
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


@contextmanager
def two_processes() -> Iterator[tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]]:
    """A small one and one of 80 MB."""
    hold = "import sys\nb = bytearray({} << 20)\nprint(flush=True)\nsys.stdin.read()\n"
    small, large = (
        subprocess.Popen(
            [sys.executable, "-c", hold.format(size)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for size in (1, 80)
    )
    try:
        for each in (small, large):
            assert each.stdout is not None
            each.stdout.readline()
        yield small, large
    finally:
        for each in (small, large):
            each.kill()
            each.communicate()


def test_the_largest_process_below_us_is_killed_for_memory() -> None:
    now = time.monotonic()
    with two_processes() as (small, large):
        assert {small.pid, large.pid} <= set(processes.descendants(os.getpid()))
        watch = Watchdog(1 << 40, private_temporary=False)
        assert watch.check(now) == watchdog.PERIOD_S_MAX
        assert not watch.blames(large.pid, now)
        watch = Watchdog(60 << 20, private_temporary=False)
        assert watch.check(now) == watchdog.PERIOD_S
        assert large.wait() == -signal.SIGKILL
        assert watch.blames(large.pid, now)
        assert not watch.blames(large.pid, now)
        assert small.poll() is None


def test_a_worker_is_blamed_on_memory_soon_after_a_process_was_killed_and_not_later() -> None:
    """What it had started was killed: it ends of that, or lives on without it."""
    killed_at = time.monotonic()
    with two_processes() as (worker, started):
        watch = Watchdog(60 << 20, private_temporary=False)
        watch.check(killed_at)
        assert started.wait() == -signal.SIGKILL
        assert watch.blames(worker.pid, killed_at + watchdog.BLAME_S - 1)
        assert not watch.blames(worker.pid, killed_at + watchdog.BLAME_S)
