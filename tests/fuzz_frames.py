"""Bytes that nearly are frames, from a worker to the gateway and to a worker."""

import contextlib
import socket
from random import Random

from gateway_pieces import Client, Worker
from hostler.modelserver import frames, page
from http_cases import INVOCATION, following
from http_exchange import Front
from worker_loop import world

NAME = "frames"
TURNS = 40
"""More than a stream has requests, each of which may take one."""
KINDS = tuple(range(13))
METAS = (b"", b"text/plain\0", b"text/plain\0a\0\0error", b"a\r\nB: c\0", b"\xff\0\0\0\0\0")


def make(random: Random) -> list[bytes]:
    """A worker's stream, broken here and there, in pieces."""
    data = b"".join(_frame(random) for _ in range(random.randint(1, 8)))
    for _ in range(random.choice((0, 0, 1, 2))):
        at = random.randint(0, max(0, len(data) - 1))
        data = (
            data[:at] + random.randbytes(random.randint(0, 2)) + data[at + random.randint(0, 2) :]
        )
    count = min(len(data) - 1, random.randint(0, 5))
    cuts = sorted(random.sample(range(1, len(data)), count)) if count > 0 else []
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, None], strict=True)]


def _frame(random: Random) -> bytes:
    request_id, flags = random.choice((0, 1, 1, 2, 3, 9)), random.choice((0, 0, 1, 0x8000))
    body = random.randbytes(random.choice((0, 1, 4, 12, 100)))
    if random.random() < 0.6:
        status = random.choice((200, 200, 0, 299, 404, 500, 65_535))
        return frames.response(request_id, status, random.choice(METAS), body, flags)
    return frames.frame(random.choice(KINDS), request_id, body, flags)


def judge(made: Front, pieces: list[bytes]) -> None:
    """Raises what is wrong with what became of the stream."""
    whole = b"".join(pieces)
    assert _decoded([whole]) == _decoded(pieces)
    assert _answers(made, [whole]) == _answers(made, pieces)
    assert made.exchange([following(INVOCATION)]).statuses == [200], "others are disturbed"
    _said_to_a_worker(pieces)


def _decoded(pieces: list[bytes]) -> object:
    """Every frame up to what is none; at once, those before it are not handed on."""
    decoder, found = frames.Decoder(), []
    try:
        for piece in pieces:
            found += decoder.feed(piece)
    except frames.FrameError as error:
        return str(error)
    return found


def _said_to_a_worker(pieces: list[bytes]) -> None:
    """Whoever else asks it is answered, and nothing of it is left once who said it has gone."""
    with world() as made, socket.socket(socket.AF_UNIX) as stranger:
        stranger.connect(made.address)
        stranger.setblocking(False)
        for piece in pieces:
            with contextlib.suppress(OSError):  # it hung up
                stranger.send(piece)
            made.act(("ask", 0, 1))
            made.turn()
        for _ in range(TURNS):
            made.turn()
        for peer in made.peers:
            peer.hear()
            assert [each for _, each in peer.answered] == peer.asked, "others are disturbed"
        stranger.close()
        made.turn()
        assert made.words[page.BUSY_SINCE] == 0


def _answers(made: Front, pieces: list[bytes]) -> list[tuple[int, bytes]]:
    """What three clients are told of this worker's words, and of its end."""
    others = made.pool.targets
    made.pool.targets = ()
    worker = made.instance("fuzzed", credit=3)
    clients = [made.client() for _ in range(3)]
    for client in clients:
        client.sends(following(INVOCATION))
    made.turn()
    try:
        return _hear(made, worker, clients, pieces)
    finally:
        made.pool.targets = others
        made.later.clear()


def _hear(
    made: Front, worker: Worker, clients: list[Client], pieces: list[bytes]
) -> list[tuple[int, bytes]]:
    for piece in pieces:
        if not worker.wire.closed:
            worker.says(piece)
            made.turn()
    worker.wire.close()
    target = worker.link.target
    target.retire()
    made.pool.targets = ()
    found = []
    for client in clients:
        answers = client.reads()
        # What the worker gave back waits for another instance: there is none.
        assert len(answers) == 1 or client.connection.current in made.pool.waiting
        found += answers or [(0, b"")]
        client.leaves()
    assert target.outstanding == 0
    assert not made.gateway.active
    assert not made.pool.waiting
    assert not made.gateway._defects, made.gateway._defects
    return found
