"""Large answers: passed on as they come, without sockets."""

import json

import pytest

from gateway_pieces import Bench, Client, Worker, bench, signed
from hostler.gateway.stream import STREAM_MIN
from hostler.modelserver import frames

BODY = bytes(range(256)) * (STREAM_MIN // 256 + 3)
META = b"application/x-npy\0some;attributes"


def asked(made: Bench) -> tuple[Worker, Client]:
    worker, client = made.instance(), made.client()
    client.sends(signed())
    assert len(worker.heard()) == 1
    return worker, client


@pytest.mark.parametrize("size", [1, 7, 15, 16, 17, 40, 1000, 65_536, len(BODY)])
def test_however_it_comes_it_arrives_whole_and_what_follows_is_read(size: int) -> None:
    with bench() as made:
        worker, client = asked(made)
        other = made.client()
        other.sends(signed())
        data = frames.response(1, 200, META, BODY) + frames.response(2, 200, b"text/plain", b"two")
        head, rest = data[:100], data[100:]
        pieces = [head[at : at + size] for at in range(0, len(head), size)]
        step = max(size, 4096)
        for piece in (*pieces, *(rest[at : at + step] for at in range(0, len(rest), step))):
            worker.says(piece)
        head, _, body = client.wire.take().partition(b"\r\n\r\n")
        assert body == BODY
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\r\nContent-Length: %d\r\n" % len(BODY) in head
        assert b"\r\nX-Amzn-SageMaker-Custom-Attributes: some;attributes\r\n" in head
        assert other.reads() == [(200, b"two")]
        assert worker.link.unanswered == 0
        client.sends(signed(b"[1]"))
        assert len(worker.heard()) == 2, "the connection is kept"


def test_the_first_pieces_leave_before_the_last_ones_come() -> None:
    with bench() as made:
        worker, client = asked(made)
        data = frames.response(1, 200, META, BODY)
        worker.says(data[:100_000])
        written = len(client.wire.written)
        assert written > 99_000
        worker.says(data[100_000:200_000])
        assert len(client.wire.written) == written + 100_000


def test_a_large_error_of_the_model_is_told_as_one() -> None:
    with bench() as made:
        worker, client = asked(made)
        data = frames.response(1, 500, b"text/plain", b"x" * len(BODY))
        worker.says(data[:5000])
        assert client.reads() == []
        worker.says(data[5000:])
        [(status, body)] = client.reads()
        assert status == 424
        assert json.loads(body)["OriginalStatusCode"] == 500


def test_a_worker_that_dies_while_it_answers_ends_the_callers_connection() -> None:
    with bench() as made:
        worker, client = asked(made)
        worker.says(frames.response(1, 200, META, BODY)[:5000])
        worker.wire.close()
        assert client.wire.closed
        assert b"424" not in client.wire.written


def test_an_answer_that_is_not_whole_at_the_deadline_is_cut_off() -> None:
    with bench(invocation_s=1.0) as made:
        worker, client = asked(made)
        data = frames.response(1, 200, META, BODY)
        worker.says(data[:5000])
        made.gateway.sweep(1e9)
        assert client.wire.closed
        worker.says(data[5000:])
        assert worker.link.unanswered == 0
        late = made.client()
        late.sends(signed())
        assert [request_id for kind, request_id, _ in worker.heard() if kind == frames.REQUEST] == [
            2
        ]


def test_a_client_that_leaves_in_the_midst_disturbs_nobody() -> None:
    with bench() as made:
        worker, client = asked(made)
        other = made.client()
        other.sends(signed())
        data = frames.response(1, 200, META, BODY) + frames.response(2, 200, b"text/plain", b"two")
        worker.says(data[:5000])
        client.leaves()
        worker.says(data[5000:])
        assert other.reads() == [(200, b"two")]
        assert worker.link.unanswered == 0


def test_an_answer_to_what_nobody_asked_ends_the_workers_connection() -> None:
    with bench() as made:
        worker, _client = asked(made)
        worker.says(frames.response(9, 200, META, BODY)[:5000])
        assert worker.wire.closed
