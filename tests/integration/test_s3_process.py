"""The S3 process on its socket: its beginning and its end."""

import http.client
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostler.domain.layout import Layout
from running import eventually

SERVE = """
import asyncio, sys, time
from pathlib import Path
from hostler.snapshot.clock import SystemClock
from hostler.app.s3 import serve
from hostler.domain.layout import Layout

layout = Layout(Path(sys.argv[1]))
asyncio.run(serve(layout, region="us-east-1", clock=SystemClock(), wall=time.time))
"""


@pytest.fixture
def layout() -> Iterator[Layout]:
    root = Path(tempfile.mkdtemp(dir="/tmp", prefix="h-"))
    yield Layout(root)
    shutil.rmtree(root)


FOLLOWS_NOBODY = """
from hostler.snapshot.subscriber import Subscriber
async def run(self):
    raise ZeroDivisionError("a planted defect")
Subscriber.run = run
"""


def serving(layout: Layout) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", SERVE, str(layout.root)])


def answers(layout: Layout) -> bool:
    connection = http.client.HTTPConnection("s3")
    with socket.socket(socket.AF_UNIX) as connection.sock:
        try:
            connection.sock.connect(str(layout.s3_socket))
        except OSError:
            return False
        connection.request("GET", "/")
        with connection.getresponse() as answer:
            return answer.status == 403 and b"<Code>AccessDenied</Code>" in answer.read()


def test_it_needs_nobody_to_serve_and_tidies_up_when_it_is_asked_to_end(layout: Layout) -> None:
    process = serving(layout)
    try:
        eventually("S3 answers on its socket", lambda: answers(layout))
        assert layout.s3_socket.stat().st_mode & 0o777 == 0o600
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
        assert not layout.s3_index.with_name("index.db-wal").exists()
    finally:
        process.kill()
        process.wait()


def test_it_ends_as_failed_when_it_can_follow_the_control_plane_no_more(layout: Layout) -> None:
    words = [sys.executable, "-c", FOLLOWS_NOBODY + SERVE, str(layout.root)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "ZeroDivisionError: a planted defect" in done.stderr
    assert not layout.s3_index.with_name("index.db-wal").exists()


def test_a_successor_waits_for_the_one_that_still_writes(layout: Layout) -> None:
    first = serving(layout)
    second = None
    try:
        eventually("the first answers", lambda: answers(layout))
        unfinished = layout.s3 / "tmp" / "unfinished"
        unfinished.write_bytes(b"of the first")
        second = serving(layout)
        assert eventually("the second has begun", lambda: second.poll() is None)
        first.kill()
        first.wait()
        eventually("the second cleaned up and answers", lambda: not unfinished.exists())
        eventually("the second answers", lambda: answers(layout))
    finally:
        for process in (first, second):
            if process is not None:
                process.kill()
                process.wait()
