"""The worker's loop against any order of asking, cancelling, pinging and hanging up."""

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostler.modelserver import frames, loop, page
from hostler.modelserver.context import CUSTOM_ATTRIBUTES, Context
from hostler.modelserver.contract import Model
from hostler.modelserver.handlers.base import Handler
from worker_loop import PEERS, SETTINGS, Action, World, world

actions = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.integers(0, PEERS - 1), st.integers(1, 4)),
        st.tuples(st.just("cancel"), st.integers(0, PEERS - 1), st.integers(1, 4)),
        st.tuples(st.just("ping"), st.integers(0, PEERS - 1)),
        st.tuples(st.just("hang up"), st.integers(0, PEERS - 1)),
        st.tuples(st.just("turn")),
    ),
    max_size=30,
)


def every_request_has_its_answer(made: World) -> None:
    for peer in made.peers:
        assert sorted(request_id for _, request_id in peer.answered) == peer.asked
        served = [request_id for kind, request_id in peer.answered if kind == frames.RESPONSE]
        assert [each for serial, each in made.ran if serial == peer.serial] == served
        assert served == sorted(served)
        assert peer.pongs == peer.pings


@settings(max_examples=150, deadline=None)
@given(actions, st.booleans())
def test_every_request_is_answered_once_and_in_order(
    script: Sequence[Action], batches: bool
) -> None:
    with world(batches=batches) as made:
        for action in script:
            made.act(action)
        made.settle()
        every_request_has_its_answer(made)
        assert made.words[page.BUSY_SINCE] == 0
        assert made.words[page.SERVED] == len(made.ran)
        last = (made.words[page.CONNECTION], made.words[page.LAST_TAKEN])
        assert last == (made.ran[-1] if made.ran else (0, 0))


@settings(max_examples=50, deadline=None)
@given(actions, st.booleans())
def test_a_worker_that_is_stopped_gives_back_what_it_has_not_taken(
    script: Sequence[Action], batches: bool
) -> None:
    with world(batches=batches) as made:
        for action in script:
            made.act(action)
        made.loop.stop()
        assert all(itertools.islice(iter(made.turn, False), 3)), "it ended before its peers did"
        for peer in made.peers:
            peer.hear()
            assert peer.heard_good_bye
        every_request_has_its_answer(made)


def test_a_peer_that_cancels_all_it_has_in_line_before_its_turn() -> None:
    with world() as made:
        made.act(("ask", 0, 1))
        made.act(("ask", 1, 1))
        made.turn()  # takes one of them: the other keeps its place
        waiting = 1 if made.ran[0][0] == made.peers[0].serial else 0
        made.act(("cancel", waiting, 1))
        made.settle()
        every_request_has_its_answer(made)
        assert made.peers[waiting].answered == [(frames.REFUSED, 1)]


def test_the_page_of_a_worker_says_idle_when_those_with_requests_hang_up() -> None:
    with world() as made:
        made.act(("ask", 0, 2))
        made.turn()
        assert made.words[page.BUSY_SINCE]
        made.act(("hang up", 0))
        assert made.words[page.BUSY_SINCE] == 0


def test_a_batch_takes_what_one_peer_has_in_line_and_waits_for_no_more() -> None:
    with world(batches=True) as made:
        made.act(("ask", 0, 9))
        made.settle()
        every_request_has_its_answer(made)
        assert made.sizes == [1, 2, 4, 2]
        made.sizes.clear()
        made.act(("ask", 2, 1))
        made.settle()
        assert made.sizes == [1]


def keep_busy(made: World, enough: Callable[[], bool]) -> None:
    """The second peer has a request in line in each turn."""
    busy = made.peers[1].socket
    for number in range(1, 1000):
        busy.send(frames.request(number, 0, b"", b"x"))
        made.turn()
        with contextlib.suppress(BlockingIOError):
            busy.recv(1 << 16)
        if enough():
            return


def test_a_large_request_is_read_on_while_others_always_have_one_in_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A piece of it for each call of the model would make a hundred calls."""
    monkeypatch.setattr(loop, "SILENT_NS", 10**9)  # its sender may have to wait for a processor
    monkeypatch.setattr(loop, "MOVE_NS", 10**9)
    before: list[int] = []

    def run(body: bytes, _request: Any, _context: Any) -> bytes:
        before.append(len(body))
        return b"done"

    handler = Handler(SETTINGS, scripted=True)
    with world(model=Model(run, SETTINGS, handler, wants_context=False)) as made:
        slow = made.peers[0].socket
        slow.setblocking(True)
        large = frames.request(1, 0, b"", bytes(25_000_000))
        begun = slow.send(large[:100_000])
        made.turn()
        sender = threading.Thread(target=slow.sendall, args=(large[begun:],))
        sender.start()
        keep_busy(made, lambda: 25_000_000 in before)
        sender.join(30)
    assert len(before) < 40


def read_all(peer: socket.socket, size: int) -> None:
    while size > 0:
        got = len(peer.recv(1 << 20))
        assert got, "the worker hung up"
        size -= got


def test_the_rest_of_a_large_answer_leaves_while_others_always_have_one_in_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loop, "SILENT_NS", 10**9)
    monkeypatch.setattr(loop, "MOVE_NS", 10**9)
    calls = itertools.count(1)
    called = 0

    def run(body: bytes, _request: Any, _context: Any) -> bytes:
        nonlocal called
        called = next(calls)
        return bytes(25_000_000) if body == b"large" else b"small"

    handler = Handler(SETTINGS, scripted=True)
    with world(model=Model(run, SETTINGS, handler, wants_context=False)) as made:
        large = made.peers[0].socket
        large.send(frames.request(1, 0, b"", b"large"))
        made.turn()
        large.setblocking(True)
        reader = threading.Thread(target=read_all, args=(large, 25_000_000))
        reader.start()
        keep_busy(made, lambda: not made.loop._stalled)  # until all of it has left
        reader.join(30)
    assert called < 40


def test_who_has_read_all_while_another_s_model_computed_is_not_cut_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loop, "STALLED_NS", 1)
    monkeypatch.setattr(loop, "SILENT_NS", 1)
    reads: list[bytes] = []

    def run(body: bytes, _request: Any, _context: Any) -> bytes:
        if body == b"large":
            return bytes(1_000_000)
        with contextlib.suppress(BlockingIOError):
            while not reads or reads[-1]:
                reads.append(made.peers[0].socket.recv(1 << 20))
        return b"small"

    handler = Handler(SETTINGS, scripted=True)
    with world(model=Model(run, SETTINGS, handler, wants_context=False)) as made:
        monkeypatch.setattr(loop, "STALLED_NS", 10**12)
        made.peers[0].socket.send(frames.request(1, 0, b"", b"large"))
        made.turn()
        monkeypatch.setattr(loop, "STALLED_NS", 1)
        made.peers[1].socket.send(frames.request(1, 0, b"", b"x"))
        while sum(map(len, reads)) < 1_000_000 and b"" not in reads:
            made.peers[1].socket.send(frames.request(1, 0, b"", b"x"))
            made.turn()
        assert b"" not in reads


def test_a_later_connection_s_place_is_not_taken_by_an_earlier_one() -> None:
    """So that what an entry does not say of a later one, that one has not asked."""
    with world() as made:
        old = made.peers[0]
        for _ in range(page.CONNECTIONS - PEERS):
            made.act(("hang up", 1))
        new = made.peers[1]
        while new.serial % page.CONNECTIONS != old.serial % page.CONNECTIONS:
            made.act(("hang up", 1))
            new = made.peers[1]
        made.act(("ask", 1, 2))
        made.settle()
        made.act(("ask", 0, 1))
        made.settle()
        at = page.taken_index(old.serial)
        assert tuple(made.taken[at : at + 2]) == (new.serial, 2)


def test_a_peer_that_stops_in_the_midst_of_a_large_request_is_waited_for_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loop, "SILENT_NS", 200_000_000)
    monkeypatch.setattr(loop, "MOVE_NS", 10**9)
    with world() as made:
        made.peers[0].socket.send(frames.request(1, 0, b"", bytes(1_000_000))[:150_000])
        made.turn()
        began = time.monotonic()
        for _ in range(50):
            made.act(("ask", 1, 1))
            made.turn()
            made.peers[1].hear()
        assert time.monotonic() - began < 50 * 0.2 / 2


def test_nor_is_it_waited_for_because_others_go_on_to_send(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loop, "SILENT_NS", 20_000_000)
    monkeypatch.setattr(loop, "MOVE_NS", 60 * 10**9)
    with world() as made:
        made.peers[0].socket.send(frames.request(1, 0, b"", bytes(1_000_000))[:150_000])
        made.turn()
        made.act(("ask", 1, 1))
        enough = threading.Event()
        pings = threading.Thread(target=chatter, args=(made.peers[2].socket, enough))
        pings.start()
        began = time.monotonic()
        made.turn()
        made.peers[1].hear()
        took = time.monotonic() - began
        enough.set()
        pings.join(30)
    assert made.peers[1].answered == [(frames.RESPONSE, 1)]
    assert took < 2.5


def chatter(peer: socket.socket, enough: threading.Event) -> None:
    """Something to read every few milliseconds, for five seconds at most."""
    for _ in range(1000):
        peer.send(frames.frame(frames.PING, 0, b"1234"))
        if enough.wait(0.005):
            return


def asked(made: World, request_id: int, body: bytes) -> tuple[int, str]:
    """The status and the text of what the first peer is answered."""
    peer = made.peers[0]
    peer.socket.send(frames.request(request_id, 0, b"", body))
    made.turn()
    ((_, _, answered, payload),) = peer.decoder.feed(peer.socket.recv(1 << 18))
    assert answered == request_id
    status, meta = frames.RESPONSE_HEAD.unpack_from(payload)
    return status, payload[frames.RESPONSE_HEAD.size + meta :].decode()


def flask_like(status: int) -> SimpleNamespace:
    return SimpleNamespace(status_code=status, mimetype="", get_data=lambda: b"no")


ODD_ANSWERS: dict[str, tuple[Callable[[Context], Any], str]] = {
    "the pair the wrong way round": (lambda _: ("text/csv", "1,2\n" * 20_000), "in this order"),
    "a long header": (
        lambda told: told.set_response_header(0, CUSTOM_ATTRIBUTES, "a" * 65_536),
        "the limit is 65535",
    ),
    "-1": (lambda told: told.set_response_status(-1), "status -1: set one"),
    "99": (lambda told: told.set_response_status(99), "status 99: set one"),
    "600": (lambda told: told.set_response_status(600), "status 600: set one"),
    "a response's 70000": (lambda _: flask_like(70_000), "status 70000: set one"),
    "a response's 2**70": (lambda _: flask_like(1 << 70), f"status {1 << 70}: set one"),
}


@pytest.mark.parametrize(("answer", "said"), ODD_ANSWERS.values(), ids=ODD_ANSWERS)
def test_an_answer_that_no_frame_carries_is_a_500_that_says_why(
    answer: Callable[[Context], Any], said: str
) -> None:
    def run(body: bytes, _request: Any, context: Any) -> Any:
        return (body == b"odd" and answer(context)) or body

    handler = Handler(SETTINGS, scripted=True)
    with world(model=Model(run, SETTINGS, handler, wants_context=True)) as made:
        status, text = asked(made, 1, b"odd")
        assert status == 500
        assert said in text
        assert asked(made, 2, b"usual") == (200, "usual")


def test_statuses_and_headers_pass_up_to_their_limits() -> None:
    def run(body: bytes, _request: Any, context: Any) -> Any:
        context.status = float(body)  # as a script may that does without the setter
        return body, "a" * frames.META_MAX

    handler = Handler(SETTINGS, scripted=True)
    with world(model=Model(run, SETTINGS, handler, wants_context=True)) as made:
        assert asked(made, 1, b"100") == (100, "100")
        assert asked(made, 2, b"299") == (299, "299")
