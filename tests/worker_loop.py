"""A worker's loop whose turns end after the first thing they take, and peers a test speaks for."""

import secrets
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from hostler.modelserver import frames, loop, page, steps
from hostler.modelserver.contract import Model
from hostler.modelserver.handlers.base import Handler
from hostler.modelserver.hooks import Hooks
from hostler.modelserver.settings import Settings

PEERS = 3
SETTINGS = Settings(socket_dir="")
Action = tuple[Any, ...]


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
                        if kind == frames.RESPONSE:
                            assert self._body(payload) == b"%d %d" % (self.serial, request_id)
                        self.answered.append((kind, request_id))

    @staticmethod
    def _body(payload: bytes) -> bytes:
        meta = frames.RESPONSE_HEAD.unpack_from(payload)[1]
        return payload[frames.RESPONSE_HEAD.size + meta :]


class World:
    """A loop whose turns end after the first thing they take, and its peers."""

    def __init__(self, *, batches: bool, model: Model | None = None) -> None:
        self.words = memoryview(bytearray(page.SLOT_SIZE)).cast("Q")
        self.taken = memoryview(bytearray(2 * 8 * page.CONNECTIONS)).cast("Q")
        self.ran: list[tuple[int, ...]] = []
        """(connection's serial, request id) of what reached the model, in order."""
        self.sizes: list[int] = []
        listener = socket.socket(socket.AF_UNIX)
        self.address = "\0h-" + secrets.token_hex(8)
        listener.bind(self.address)
        listener.listen()
        listener.setblocking(False)
        model = model or self._model(batches)
        self.loop = loop.Loop(model, listener, "/nowhere", 0, (self.words, self.taken))
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
        at = page.taken_index(asked[-1][0])
        assert self.taken[at] > asked[-1][0] or tuple(self.taken[at : at + 2]) == asked[-1]
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
def world(*, batches: bool = False, model: Model | None = None) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "TURN_NS", 1)
        made = World(batches=batches, model=model)
        try:
            yield made
        finally:
            made.close()
