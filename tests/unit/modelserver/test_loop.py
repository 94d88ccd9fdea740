"""The worker's loop against any order of asking, cancelling, pinging and hanging up."""

import itertools
import secrets
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostler.modelserver import frames, loop, page, steps
from hostler.modelserver.contract import Model
from hostler.modelserver.handlers.base import Handler
from hostler.modelserver.hooks import Hooks
from hostler.modelserver.settings import Settings

PEERS = 3
SETTINGS = Settings(socket_dir="")
Action = tuple[Any, ...]

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


@dataclass
class Peer:
    """What one peer sent, and what it has heard."""

    socket: socket.socket
    decoder: frames.Decoder = field(default_factory=frames.Decoder)
    serial: int = 0
    asked: list[int] = field(default_factory=list)
    pings: list[bytes] = field(default_factory=list)
    answered: list[tuple[int, int]] = field(default_factory=list)
    """(kind, id) of last answers, in order."""
    pongs: list[bytes] = field(default_factory=list)
    heard_good_bye: bool = False

    def hear(self) -> None:
        while True:
            try:
                data = self.socket.recv(1 << 16)
            except BlockingIOError:
                return
            assert data, "the worker hung up"
            for kind, _, request_id, payload in self.decoder.feed(data):
                match kind:
                    case frames.HELLO:
                        self.serial = request_id
                    case frames.PONG:
                        self.pongs.append(payload)
                    case frames.GOAWAY:
                        self.heard_good_bye = True
                    case _:
                        assert kind in (frames.RESPONSE, frames.REFUSED)
                        self.answered.append((kind, request_id))


class World:
    """A loop whose turns end after the first thing they take, and its peers."""

    def __init__(self, *, batches: bool) -> None:
        self.words = memoryview(bytearray(page.SLOT_SIZE)).cast("Q")
        self.ran: list[tuple[int, ...]] = []
        """(connection's serial, request id) of what reached the model, in order."""
        self.sizes: list[int] = []
        listener = socket.socket(socket.AF_UNIX)
        self.address = "\0h-" + secrets.token_hex(8)
        listener.bind(self.address)
        listener.listen()
        listener.setblocking(False)
        self.loop = loop.Loop(self._model(batches), listener, "/nowhere", 0, self.words)
        self._wakes, self._woken = socket.socketpair()
        self.loop.wake_by(self._woken)
        self.peers = [self._join() for _ in range(PEERS)]
        self.gone: list[Peer] = []

    def _model(self, batches: bool) -> Model:
        handler = Handler(SETTINGS, scripted=True)
        hooks = Hooks(
            input_fn=lambda data, *_: data,
            predict_fn=lambda data, *_: self._run([data])[0],
            predict_batch_fn=(lambda batch, *_: self._run(batch)) if batches else None,
            output_fn=lambda prediction, *_: prediction,
        )
        made = steps.of(hooks, handler, None)
        return Model(made.run, SETTINGS, handler, wants_context=False, several=made)

    def _run(self, bodies: Sequence[str]) -> Sequence[str]:
        asked = [tuple(map(int, body.split())) for body in bodies]
        assert self.words[page.BUSY_SINCE]
        assert {serial for serial, _ in asked} == {self.words[page.CONNECTION]}
        assert asked[-1][1] == self.words[page.LAST_TAKEN]
        self.ran += asked
        self.sizes.append(len(asked))
        return bodies

    def _join(self) -> Peer:
        peer = Peer(socket.socket(socket.AF_UNIX))
        peer.socket.connect(self.address)
        peer.socket.setblocking(False)
        self.turn()
        peer.hear()
        assert peer.serial
        return peer

    def turn(self) -> bool:
        self._wakes.send(b".")  # so that it never waits
        return self.loop.step()

    def act(self, action: Action) -> None:
        match action:
            case ("ask", number, count):
                peer = self.peers[number]
                ids = range(len(peer.asked) + 1, len(peer.asked) + 1 + count)
                peer.asked += ids
                asked = [
                    frames.request(each, 0, b"", b"%d %d" % (peer.serial, each)) for each in ids
                ]
                peer.socket.send(b"".join(asked))
            case ("cancel", number, count):
                peer = self.peers[number]
                for request_id in peer.asked[-count:]:
                    peer.socket.send(frames.frame(frames.CANCEL, request_id))
            case ("ping", number):
                peer = self.peers[number]
                peer.pings.append(secrets.token_bytes(4))
                peer.socket.send(frames.frame(frames.PING, 0, peer.pings[-1]))
            case ("hang up", number):
                peer = self.peers[number]
                peer.hear()
                self.gone.append(peer)
                peer.socket.close()
                self.peers[number] = self._join()
            case _:
                self.turn()

    def settle(self) -> None:
        """Turn until nothing is left to do."""
        for _ in range(2 + sum(len(peer.asked) for peer in (*self.peers, *self.gone))):
            self.turn()
        for peer in self.peers:
            peer.hear()

    def close(self) -> None:
        for peer in self.peers:
            peer.socket.close()
        self.loop.stop()
        while self.loop.step():
            pass
        self._wakes.close()
        self._woken.close()


@contextmanager
def world(*, batches: bool = False) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "TURN_NS", 1)
        made = World(batches=batches)
        try:
            yield made
        finally:
            made.close()


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
