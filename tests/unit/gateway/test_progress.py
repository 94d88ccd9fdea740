"""Who is late on a connection whose bytes others move, by the kernel's counters."""

import socket

import pytest

from hostler.domain import loan
from hostler.gateway.limits import Limits
from hostler.gateway.progress import Counters, Late, Progress, counters

LIMITS = Limits(
    body_rate_min=100,
    body_rate_window_s=10.0,
    answer_rate_min=100,
    answer_rate_window_s=60.0,
    upstream_still_s=120.0,
)


def at(*, acknowledged: int = 0, received: int = 0, unread: int = 0, untaken: int = 0) -> Counters:
    return Counters(acknowledged, received, unread, untaken)


def test_a_client_that_sends_too_slowly_is_late_after_a_window() -> None:
    progress = Progress(at(received=50), 0.0, 10_000)
    assert progress.judge(at(received=900), 9.0, LIMITS) is None
    assert progress.judge(at(received=900), 10.1, LIMITS) is Late.SENDER
    steady = Progress(at(), 0.0, 10_000)
    for second in range(1, 60):
        assert steady.judge(at(received=101 * second), float(second), LIMITS) is None


def test_a_body_that_s3_does_not_read_is_s3s_fault_and_so_is_an_answer_that_does_not_come() -> None:
    progress = Progress(at(), 0.0, 1000)
    full = at(received=1000, unread=600)
    assert progress.judge(full, 20.0, LIMITS) is None
    assert progress.judge(full, 139.0, LIMITS) is None
    assert progress.judge(full, 141.0, LIMITS) is Late.S3
    assert progress.judge(at(received=1000), 142.0, LIMITS) is None  # it has moved
    assert progress.judge(at(received=1000), 263.0, LIMITS) is Late.S3


def test_the_body_that_was_read_before_does_not_count() -> None:
    """Nor does what the client sends behind it."""
    progress = Progress(at(received=700, unread=200), 0.0, 500)
    done = at(received=1000)
    assert progress.judge(done, 5.0, LIMITS) is None
    assert progress.judge(done, 50.0, LIMITS) is None  # S3 is waited for, and has two minutes


def test_a_client_that_takes_too_little_is_late_however_much_s3_puts_behind() -> None:
    progress = Progress(at(), 0.0, 0)
    assert progress.judge(at(untaken=5000), 1.0, LIMITS) is None
    assert progress.judge(at(acknowledged=5000, untaken=5000), 60.0, LIMITS) is None
    assert progress.judge(at(acknowledged=6100, untaken=5000), 61.5, LIMITS) is None
    assert progress.judge(at(acknowledged=7000, untaken=5000), 123.0, LIMITS) is Late.TAKER


def test_the_counters_are_the_kernels() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
        with client, server:
            client.sendall(b"x" * 1000)
            assert server.recv(300)
            found = counters(server)
            assert (found.received, found.unread) == (1000, 700)
            server.sendall(b"y" * 500)
            assert client.recv(500, socket.MSG_WAITALL)
            found = counters(server)
            assert (found.acknowledged >= 500, found.untaken) == (True, 0)


@pytest.mark.parametrize("data", [b"", b"HL01", b"HL99" + bytes(loan.SIZE - 4), bytes(loan.SIZE)])
def test_a_preamble_is_read_as_it_was_written_and_nothing_else_is(data: bytes) -> None:
    told = loan.Preamble(head=300, early=1 << 18, rest=5 << 30)
    assert loan.read(loan.written(told)) == told
    assert loan.read(data) is None
