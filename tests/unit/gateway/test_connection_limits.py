"""HTTP without sockets: how much room and time a connection is given (RFC 9112 §9.5)."""

import asyncio
import gc
import tracemalloc
from time import monotonic

import pytest

from gateway_pieces import Bench, Client, Worker, bench, signed
from hostler.gateway import gateway as gateways
from hostler.gateway.gateway import JUDGED_AT_ONCE
from hostler.modelserver import frames
from running import eventually

POST = b"POST /endpoints/Demo/invocations HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
def gateway():
    with bench() as made:
        yield made


def test_an_idle_connection_takes_little_memory(gateway: Bench):
    """10,000 of them may be there; uvloop's transport adds about as much again."""
    kept = [gateway.client() for _ in range(100)]
    for client in kept:
        client.sends(POST + b"Content-Length: 0\r\n\r\n")
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    idle = [gateway.client() for _ in range(500)]
    for client in idle:
        client.sends(POST + b"Content-Length: 0\r\n\r\n")
        client.reads()
        gateway.gateway.journal.take()  # refusals are written down, and not kept
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown / len(idle) < 4096


def test_connections_are_bounded():
    with bench(connections_max=1) as made:
        first, second = made.client(), made.client()
        assert b"Retry-After: 1\r\n" in second.wire.written
        assert [status for status, _ in second.reads()] == [503]
        assert second.wire.ended()
        first.sends(POST + b"Content-Length: 0\r\n\r\n")
        assert [status for status, _ in first.reads()] == [403]


def announced(size: int, *extra: bytes) -> bytes:
    lines = b"".join(line + b"\r\n" for line in extra)
    return POST + lines + b"Content-Length: %d\r\n\r\n" % size


def test_large_bodies_wait_unread_for_room():
    with bench(bodies_bytes_max=1_000_000) as made:
        one, two, three, small = (made.client() for _ in range(4))
        one.sends(announced(600_000))
        two.sends(announced(600_000, b"Expect: 100-continue") + b"x" * 1000)
        three.sends(announced(300_000))
        assert [each.wire.reading for each in (one, two, three)] == [True, False, False]
        assert two.reads() == []
        small.sends(announced(10) + b"x" * 10)
        assert [status for status, _ in small.reads()] == [403]
        one.leaves()
        assert two.wire.reading
        assert two.reads() == [(100, b"")]
        assert three.wire.reading  # 600,000 + 300,000 fit


def test_medium_bodies_wait_unread_for_room_of_their_own():
    """Each connection could make the gateway hold 256 KB before anyone had signed anything."""
    with bench(bodies_bytes_max=1_000_000, medium_bodies_bytes_max=300_000) as made:
        large, one, two, small = (made.client() for _ in range(4))
        large.sends(announced(1_000_000))
        one.sends(announced(200_000))
        two.sends(announced(200_000))
        assert [each.wire.reading for each in (large, one, two)] == [True, True, False]
        small.sends(announced(16_384) + b"x" * 16_384)
        assert [status for status, _ in small.reads()] == [403]
        one.sends(b"x" * 200_000)
        assert [status for status, _ in one.reads()] == [403]
        assert two.wire.reading


def test_a_client_that_leaves_while_it_waits_makes_room_for_nobody():
    with bench(bodies_bytes_max=1_000_000) as made:
        one, two, three = (made.client() for _ in range(3))
        for client in (one, two, three):
            client.sends(announced(900_000))
        two.leaves()
        assert not three.wire.reading
        one.leaves()
        assert three.wire.reading


def test_who_waits_first_and_leaves_lets_the_next_have_the_room_that_is_enough_for_it():
    with bench(bodies_bytes_max=1_000_000) as made:
        one, two, three = (made.client() for _ in range(3))
        one.sends(announced(600_000))
        two.sends(announced(900_000))
        three.sends(announced(300_000))
        assert not three.wire.reading
        two.leaves()
        assert three.wire.reading


def test_a_body_that_finds_no_room_is_refused_after_a_while():
    with bench(bodies_bytes_max=1_000_000) as made:
        one, two = made.client(), made.client()
        for client in (one, two):
            client.sends(announced(900_000))
        now = monotonic()
        made.gateway.bodies.sweep(now + 29)
        assert two.reads() == []
        made.gateway.bodies.sweep(now + 31)
        assert b"Retry-After: 1\r\n" in two.wire.written
        ((status, body),) = two.reads()
        assert (status, b"bodies_megabytes" in body) == (503, True)
        assert one.reads() == []
        assert one.wire.reading


def test_a_request_that_came_whole_while_there_was_no_room_is_not_refused_for_it():
    """Its model may take longer than a body may wait."""
    with bench(medium_bodies_bytes_max=300_000) as made:
        holder, whole = made.client(), made.client()
        worker = made.instance()
        holder.sends(announced(250_000))
        data = signed(b"x" * 100_000)
        head = data.index(b"\r\n\r\n") + 4
        whole.sends(data[: head + 10])
        whole.sends(data[head + 10 :])  # it had been read when it was held back
        ((_, number, _),) = worker.heard()
        made.gateway.bodies.sweep(monotonic() + 31)
        worker.answers(number)
        assert whole.reads() == [(200, b"ok")]


def test_a_body_that_comes_slowly_keeps_its_room_until_others_need_it():
    """Twenty that nobody had signed kept all large requests waiting for hours."""
    with bench(bodies_bytes_max=1_000_000) as made:
        slow, whole, waiting = (made.client() for _ in range(3))
        now = monotonic()
        slow.sends(announced(500_000))
        worker = made.instance()
        whole.sends(signed(b"x" * 400_000))
        _wait_for_request(made, worker)

        def trickles_until(seconds: int) -> None:
            slow.sends(b"x" * 60_000)
            slow.connection.expire(now + seconds)
            made.gateway.bodies.sweep(now + seconds)

        for seconds in (30, 58, 61, 90):
            trickles_until(seconds)
            assert slow.reads() == []
        waiting.sends(announced(500_000))
        made.gateway.bodies.sweep(now + 91)
        assert [status for status, _ in slow.reads()] == [408]
        assert waiting.wire.reading
        worker.answers(1)
        assert whole.reads() == [(200, b"ok")], "what is computed has come"


def _wait_for_request(made: Bench, worker: Worker) -> None:
    """Until a large one has been hashed, in its thread."""

    def is_there() -> bool:
        made.gateway.loop.run_until_complete(asyncio.sleep(0))
        return bool(worker.heard())

    eventually("it has reached the model", is_there, every_s=0.001)


# Deadlines: the sweep's clock is the test's.


def test_a_head_that_trickles_is_cut_at_its_deadline(gateway: Bench):
    client = gateway.client()
    now = monotonic()
    client.sends(b"POST / HTTP/1.1\r\n")
    client.connection.expire(now + 9)
    assert not client.wire.ended()
    client.sends(b"Host: x\r\n")
    client.connection.expire(now + 11)
    assert [status for status, _ in client.reads()] == [408]
    assert client.wire.ended()


def test_many_connections_are_judged_some_at_a_time(gateway: Bench):
    """Ten thousand at once kept every request waiting for ten milliseconds."""
    loop = gateway.gateway.loop
    clients = [gateway.client() for _ in range(2 * JUDGED_AT_ONCE + 1)]
    gateway.gateway.sweep(monotonic() + 100)
    assert len([each for each in clients if each.wire.closed]) == JUDGED_AT_ONCE
    open_ones = [each for each in clients if not each.wire.closed]
    open_ones[0].leaves()
    loop.run_until_complete(asyncio.sleep(0))
    assert len([each for each in clients if each.wire.closed]) >= 2 * JUDGED_AT_ONCE
    loop.run_until_complete(asyncio.sleep(0))
    assert all(each.wire.closed for each in clients)


def test_a_body_that_trickles_is_cut(gateway: Bench):
    client = gateway.client()
    client.sends(POST + b"Content-Length: 100000\r\n\r\n")
    now = monotonic()
    for second in range(1, 12):
        client.sends(b"x")
        client.connection.expire(now + second)
    assert [status for status, _ in client.reads()] == [408]


def test_a_steady_body_is_not_cut(gateway: Bench):
    client = gateway.client()
    client.sends(POST + b"Content-Length: 1000000\r\n\r\n")
    now = monotonic()
    for second in range(1, 60):
        client.sends(b"x" * 2000)
        client.connection.expire(now + second)
    assert not client.wire.ended()


def test_a_silent_connection_is_closed_without_a_word(gateway: Bench):
    client = gateway.client()
    client.connection.expire(monotonic() + 74)
    assert not client.wire.closed
    client.connection.expire(monotonic() + 76)
    assert client.wire.closed
    assert client.reads() == []


def blocked(gateway: Bench) -> tuple[Client, Worker]:
    """A client that has not taken 500,000 bytes of its answer."""
    worker, client = gateway.instance(), gateway.client()
    client.sends(signed())
    worker.answers(1, b"x" * 600_000)
    client.wire.unsent = 500_000
    client.connection.pause_writing()
    return client, worker


def test_who_does_not_take_its_answer_is_cut_off(gateway: Bench):
    """A stuck reader once kept its answer in memory for ever."""
    client, _ = blocked(gateway)
    now = monotonic()
    client.connection.expire(now + 59)
    assert not client.wire.closed
    client.wire.unsent -= 65_000
    client.connection.expire(now + 61)
    assert not client.wire.closed
    client.wire.unsent -= 1000
    client.connection.expire(now + 122)
    assert client.wire.closed


def test_all_slow_clients_together_may_hold_so_much_and_whoever_holds_the_most_is_cut_off():
    with bench(untaken_bytes_max=1_000_000) as gateway:
        worker = gateway.instance()
        clients = [gateway.client() for _ in range(4)]
        sizes = (300_000, 500_000, 150_000, 200_000)
        for number, (client, size) in enumerate(zip(clients, sizes, strict=True), 1):
            client.sends(signed())
            client.wire.unsent = size
            client.connection.pause_writing()
            worker.answers(number, b"x" * size)
        assert [client.wire.closed for client in clients] == [False, True, False, False]
        assert gateway.gateway.untaken.total == 650_000
        clients[0].wire.unsent = 100_000
        gateway.gateway.untaken.look()
        assert gateway.gateway.untaken.total == 450_000
        clients[2].leaves()
        clients[3].connection.resume_writing()
        assert gateway.gateway.untaken.total == 100_000


def test_what_a_connection_held_is_nobodys_once_it_is_in_other_hands(gateway: Bench):
    client, _ = blocked(gateway)
    assert gateway.gateway.untaken.total == 500_000
    client.connection.release()
    assert gateway.gateway.untaken.total == 0
    gateway.gateway.untaken.look()


def test_an_answer_that_comes_piece_by_piece_counts_as_it_grows():
    with bench(untaken_bytes_max=1_000_000) as gateway:
        worker, client = gateway.instance(), gateway.client()
        client.sends(signed())
        worker.heard()
        frame = frames.response(1, 200, b"text/plain\0", b"x" * 2_000_000)
        worker.says(frame[:300_000])
        client.wire.unsent = 300_000
        client.connection.pause_writing()
        assert not client.wire.closed
        client.wire.unsent = 1_100_000
        worker.says(frame[300_000:1_100_000])
        assert client.wire.closed
        worker.says(frame[1_100_000:])
        again = gateway.client()
        again.sends(signed())
        worker.answers(2)
        assert again.reads() == [(200, b"ok")], "the worker's connection is whole"


def test_who_takes_its_answer_slowly_is_not_cut_off(gateway: Bench):
    client, _ = blocked(gateway)
    now = monotonic()
    for second in range(400):
        client.wire.unsent = max(0, client.wire.unsent - 1100)
        client.connection.expire(now + second)
    assert not client.wire.closed


def test_who_does_not_take_its_answers_is_not_read(gateway: Bench):
    """Answers to requests that went on coming once piled up without a limit."""
    client, worker = blocked(gateway)
    assert not client.wire.reading
    client.wire.unsent = 0
    client.connection.resume_writing()
    assert client.wire.reading
    client.reads()
    client.sends(signed())
    worker.answers(2)
    assert client.reads() == [(200, b"ok")]


def test_pipelined_requests_wait_until_the_answers_before_are_taken(gateway: Bench):
    worker, client = gateway.instance(), gateway.client()
    client.sends(signed() + signed() + signed())
    worker.heard()
    client.connection.pause_writing()
    worker.answers(1)
    assert worker.heard() == []
    client.connection.expire(monotonic() + 30)
    client.connection.resume_writing()
    worker.answers(2)
    worker.answers(3)
    assert client.reads() == [(200, b"ok")] * 3
    assert client.wire.reading


def test_the_last_answer_of_a_connection_must_be_taken_too(gateway: Bench):
    """The connection closes after it, and nothing applied a deadline to that."""
    worker, client = gateway.instance(), gateway.client()
    closing: list[bool] = []
    client.wire.close = lambda: closing.append(True)  # type: ignore[method-assign]
    client.sends(signed(connection="close"))
    client.wire.unsent = 500
    worker.answers(1)
    assert closing == [True]
    client.connection.expire(monotonic() + 30)
    assert not client.wire.closed
    client.connection.expire(monotonic() + 61)
    assert client.wire.closed


def test_a_request_in_flight_is_not_silence(gateway: Bench):
    worker, client = gateway.instance(), gateway.client()
    client.sends(signed())
    client.connection.expire(monotonic() + 1000)
    worker.answers(1)
    assert client.reads() == [(200, b"ok")]


def test_a_lingering_connection_ends(gateway: Bench):
    client = gateway.client()
    client.sends(b"NONSENSE\r\n\r\n")
    assert client.wire.half_closed
    client.sends(b"more that nobody reads")
    client.connection.expire(monotonic() + 6)
    assert client.wire.closed


def test_a_stopping_gateway_says_close_with_its_last_answer(gateway: Bench):
    worker, client, idle = gateway.instance(), gateway.client(), gateway.client()
    client.sends(signed())
    gateway.gateway.draining = True
    worker.answers(1)
    assert b"Connection: close" in client.wire.written
    assert client.wire.ended()
    idle.connection.expire(monotonic() + 2)
    assert idle.wire.closed
    assert not gateway.gateway.connections


@pytest.mark.parametrize("target", ["/endpoints/Demo/invocations", "/bucket/key"])
def test_a_large_request_behind_another_is_not_read_before_its_turn(target: str) -> None:
    """Whose turn it is to be read is one thing, whose turn it is to be answered another."""
    with bench() as made:
        worker, client = made.instance(), made.client()
        client.sends(signed())
        assert len(worker.heard()) == 1
        head = b"POST %b HTTP/1.1\r\nHost: h:1\r\nContent-Length: 1000000\r\n\r\n" % target.encode()
        client.sends(head + bytes(200_000))
        assert not client.wire.reading
        made.gateway.loop.run_until_complete(asyncio.sleep(0))
        assert not client.wire.reading


def test_a_large_request_without_room_is_not_read_when_its_turn_comes() -> None:
    with bench(bodies_bytes_max=1_000_000) as made:
        first, second = made.client(), made.client()
        head = (
            b"POST /endpoints/Demo/invocations HTTP/1.1\r\nHost: h:1\r\n"
            b"Content-Length: 1000000\r\n\r\n"
        )
        for client in (first, second):
            client.sends(head + bytes(200_000))
        made.gateway.loop.run_until_complete(asyncio.sleep(0))
        made.gateway.loop.run_until_complete(asyncio.sleep(0))
        assert (first.wire.reading, second.wire.reading) == (True, False)
        first.leaves()
        assert second.wire.reading, "there is room now"


def test_one_behind_another_that_finds_no_room_is_not_read_when_its_turn_comes() -> None:
    """The answer before it let it be read all the same, by as much as each connection sent."""
    with bench(bodies_bytes_max=1_000_000) as made:
        worker, holder, client = made.instance(), made.client(), made.client()
        holder.sends(announced(900_000))
        client.sends(signed())
        client.sends(announced(900_000) + b"x" * 1000)
        ((_, number, _),) = worker.heard()
        worker.answers(number)
        assert client.reads() == [(200, b"ok")]
        assert not client.wire.reading
        holder.leaves()
        assert client.wire.reading


@pytest.mark.parametrize("last", [100, 70_000])
def test_who_leaves_after_a_large_request_is_heard(last: int) -> None:
    """Its last piece was held back as all before it, and nothing was read any more."""
    with bench() as made:
        worker, client = made.instance(), made.client()
        data = signed(b"x" * 200_000)
        for piece in (data[: -70_000 - last], data[-70_000 - last : -last], data[-last:]):
            client.sends(piece)
            made.gateway.loop.run_until_complete(asyncio.sleep(0))
        assert client.wire.reading
        ((_, number, _),) = worker.heard()
        client.leaves()
        assert [(kind, request_id) for kind, request_id, _ in worker.heard()] == [
            (frames.CANCEL, number)
        ]


def test_who_was_in_time_is_not_blamed_for_a_pause_of_ours(
    gateway: Bench, monkeypatch: pytest.MonkeyPatch
):
    """A gateway that had been stopped answered 408 to a head that lay unread in its socket."""
    judged: list[float] = []
    monkeypatch.setattr(gateway.gateway, "sweep", judged.append)
    times = iter((1000.0, 1000.5, 1001.0, 1061.0, 1061.5))
    monkeypatch.setattr(gateways, "monotonic", lambda: next(times))
    gateway.gateway.start_sweeping()
    for _ in range(4):
        gateway.gateway._sweep()
    assert judged == [1000.5, 1001.0, 1061.5]
