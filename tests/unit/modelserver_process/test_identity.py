import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostler.modelserver import identity
from hostler.modelserver.identity import ProcessId

NOBODY = 2**22 + 1
"""Above the kernel's largest pid."""


@pytest.fixture
def child() -> Iterator["subprocess.Popen[bytes]"]:
    words = [sys.executable, "-c", "import signal; print(flush=True); signal.pause()"]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def _of(process: "subprocess.Popen[bytes]") -> ProcessId:
    found = identity.of(process.pid)
    assert found is not None
    return found


def test_what_cannot_be_looked_at_is_an_error_and_keeps_no_descriptor(
    child: "subprocess.Popen[bytes]",
) -> None:
    process = _of(child)
    before = sorted(Path("/proc/self/fd").iterdir())
    free = os.open("/", os.O_RDONLY)
    os.close(free)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free + 1, limits[1]))  # one, where two are needed
    try:
        with pytest.raises(OSError, match="Too many open files"):
            process.handle()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert sorted(Path("/proc/self/fd").iterdir()) == before


def test_a_process_is_known_by_its_start(child: "subprocess.Popen[bytes]") -> None:
    assert _of(child).alive
    assert _of(child) == identity.of(child.pid)
    assert identity.of(NOBODY) is None
    assert not ProcessId(NOBODY, 1).alive


def test_a_recycled_pid_is_another_process(child: "subprocess.Popen[bytes]") -> None:
    recycled = ProcessId(child.pid, _of(child).start_time + 1)
    assert not recycled.alive
    assert recycled.handle() is None
    assert not recycled.signal(signal.SIGKILL)
    assert recycled.wait(0)
    assert child.poll() is None


def test_a_zombie_does_not_live(child: "subprocess.Popen[bytes]") -> None:
    process = _of(child)
    assert process.signal(signal.SIGKILL)
    assert process.wait(10)
    assert not process.alive  # not reaped yet: Popen does that below
    assert identity.of(child.pid) is None
    assert child.wait() == -signal.SIGKILL
    assert not process.signal(signal.SIGTERM)


def test_a_record_is_read_as_it_was_written(
    tmp_path: Path, child: "subprocess.Popen[bytes]"
) -> None:
    path = tmp_path / "control.pid"
    identity.write(path, _of(child))
    assert identity.read(path) == _of(child)
    assert [each.name for each in tmp_path.iterdir()] == ["control.pid"]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[1]", "{}", '{"pid": "1", "start_time": 1}', "[" * 100_000, '{"pid": 1}', "null"],
)
def test_a_damaged_record_names_nobody(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.pid"
    path.write_text(text)
    assert identity.read(path) is None


def test_a_record_of_a_process_that_is_gone_names_nobody(tmp_path: Path) -> None:
    path = tmp_path / "x.pid"
    path.write_text(json.dumps({"pid": os.getpid(), "start_time": 1}))
    assert identity.read(path) is None
    assert identity.of_record(json.loads(path.read_text())) == ProcessId(os.getpid(), 1)
    assert identity.read(tmp_path / "missing.pid") is None


def test_those_that_do_not_end_when_asked_are_killed() -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True)\n"
    with subprocess.Popen(
        [sys.executable, "-c", deaf + "signal.pause()"], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        asked = _of(process)
        assert identity.stop_all([asked, ProcessId(NOBODY, 1)], 0.05) == [asked]
        assert process.wait() == -signal.SIGKILL
