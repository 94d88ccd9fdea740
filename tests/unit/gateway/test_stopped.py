"""Whether a worker is stopped, found by the pid that it has in its own namespace."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hostler.gateway import stopped
from hostler.modelserver import folder, identity
from running import eventually

SHIM = """
import os, sys, time
child = os.fork()
if not child:
    print(os.getpid(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def shim(tmp_path: Path):
    """An instance's folder, whose shim has one child; its page, and the child's pid."""
    process = subprocess.Popen(
        [sys.executable, "-c", SHIM], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    child = int(process.stdout.readline())
    (tmp_path / "s").mkdir()
    known = identity.of(process.pid)
    assert known is not None
    identity.write(tmp_path / folder.SHIM, known)
    try:
        yield str(tmp_path / "s/page"), child, process
    finally:
        os.kill(child, signal.SIGKILL)
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def test_a_stopped_child_of_the_shim_is_seen_until_it_goes_on(shim) -> None:
    page, child, _ = shim
    assert stopped.outer_pid(page, child) == child
    assert not stopped.is_stopped(child)
    os.kill(child, signal.SIGSTOP)
    eventually("it is stopped", lambda: stopped.is_stopped(child), every_s=0.01)
    os.kill(child, signal.SIGCONT)
    eventually("it goes on", lambda: not stopped.is_stopped(child), every_s=0.01)


def test_who_waits_for_a_processor_is_runnable(shim) -> None:
    """A busy machine kept workers from running for seconds, and they were passed over."""
    _, child, _ = shim
    eventually("it waits for nothing to happen", lambda: not stopped.is_runnable(child))
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        eventually("it runs", lambda: stopped.is_runnable(busy.pid))
        busy.kill()


def test_what_cannot_be_found_counts_as_running(shim, tmp_path: Path) -> None:
    page, child, process = shim
    assert stopped.outer_pid(page, os.getpid()) == 0, "no child of the shim"
    assert stopped.outer_pid(str(tmp_path / "absent/s/page"), child) == 0
    (tmp_path / folder.SHIM).unlink()
    assert stopped.outer_pid(page, child) == 0
    assert not stopped.is_stopped(0)
    assert not stopped.is_runnable(0)
    known = identity.of(process.pid)
    assert known is not None
    identity.write(tmp_path / folder.SHIM, identity.ProcessId(process.pid, known.start_time + 1))
    assert stopped.outer_pid(page, child) == 0, "another process by now"
