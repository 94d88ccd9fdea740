"""The loop of a worker: peers in, answers out.

Invariant: one thread, one request at a time, or one batch of what a single peer has in line. A turn
takes from the peers that have some, one after another, for about ``TURN_NS``; then answers leave
and sockets are read. So answers coalesce while there is work, leave at once when there is none, and
no peer waits for another's socket, but for ``MOVE_NS`` while a large request comes or a large
answer leaves.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from collections import deque
from typing import Optional

from . import batching, connection, contract, failures, frames, page
from .connection import Closed, Connection

TURN_NS = 500_000
LARGE = 128 * 1024
"""Bytes that are missing of a request, from which on it is read on before others are answered."""
MOVE_NS, SILENT_NS = 2_000_000, 1_000_000
"""For how long in a turn, and how long its peer may take to send or to read more."""
CONNECTIONS_MAX = 256
STALLED_NS = 30_000_000_000
"""A peer that reads nothing for so long is cut off."""
LINGER_NS = 1_000_000_000
"""How long a draining worker waits for its peers to hang up."""
_BODY_MAX = frames.PAYLOAD_MAX - 128 * 1024
_META_MAX = frames.META_MAX


class Loop:
    """Serves one model to any number of peers until it is stopped."""

    def __init__(
        self,
        model: contract.Model,
        listener: socket.socket,
        path: str,
        index: int,
        own: tuple[memoryview, memoryview],
    ) -> None:
        self._model = model
        self._pace = batching.Pace(model.batch_max) if model.batch_max > 1 else None
        self._path = path
        self._listener: Optional[socket.socket] = listener
        self._index = index
        self._words, self._taken = own  # of the page: its slot, and what it has taken
        self._epoll = select.epoll()
        self._epoll.register(listener.fileno(), select.EPOLLIN)
        self._peers: dict[int, Connection] = {}
        self._ready: deque[Connection] = deque()  # with requests in line, in turn
        self._dirty: set[Connection] = set()  # with answers to send
        self._stalled: dict[Connection, int] = {}  # full sockets, and since when
        self._moving: set[Connection] = set()  # whose large requests come, whose answers leave
        self._unread: set[Connection] = set()  # too much in line or unsent to read more
        self._serials = 0
        self._served = 0
        self._wakers: dict[int, socket.socket] = {}
        self._stopping = False
        self._forked = False
        self._linger_until: Optional[int] = None

    def wake_by(self, waker: socket.socket) -> None:
        """A byte on this socket interrupts the wait for peers."""
        self._wakers[waker.fileno()] = waker
        self._epoll.register(waker.fileno(), select.EPOLLIN)

    def was_forked(self) -> None:
        """This is a child that the model's code has made: it must not go on as a worker."""
        self._forked = True

    def stop(self) -> None:
        """Finish what was taken, give back the rest, then end; safe in a signal handler."""
        self._stopping = True

    def serve(self) -> None:
        """Answer until stopped and drained."""
        page.write_state(self._words, page.READY, os.getpid())
        while self.step():
            pass

    def step(self) -> bool:
        """Wait for peers unless there is work, then one turn; False once stopped and drained."""
        for fd, event in self._epoll.poll(self._wait_s()):
            self._on_event(fd, event)
        if self._ready:
            if self._moving:
                self._move_on()
            self._turn()
        if self._dirty:
            self._flush()
        if self._stalled:
            self._cut_off()
        return not (self._stopping and self._is_drained())

    def _wait_s(self) -> float:
        """How long to wait for peers: -1 is for ever."""
        if self._ready or (self._stopping and self._listener is not None):
            return 0
        if self._linger_until is not None:
            return max(0.0, (self._linger_until - time.monotonic_ns()) / 1e9)
        return 1.0 if self._stalled else -1

    def _move_on(self) -> None:
        """Read what is coming of large requests, and send what waits of answers, for a while.

        Else, while other peers always have a request in line, a piece of what a socket holds
        would be moved for each call of the model, and the whole of it after its deadline.
        Whose bytes do not move is not waited for until some have moved.
        """
        now = heard = time.monotonic_ns()
        end = now + MOVE_NS
        while self._moving and now < end:
            awaited = {peer.fd for peer in self._moving}
            events = self._epoll.poll(SILENT_NS / 1e9)
            for fd, event in events:
                self._on_event(fd, event)
            if self._dirty:
                self._flush()
            now = time.monotonic_ns()
            if any(fd in awaited for fd, _ in events):
                heard = now
            elif now - heard >= SILENT_NS:
                self._moving.clear()

    def _on_event(self, fd: int, event: int) -> None:
        peer = self._peers.get(fd)
        if peer is None:
            if fd in self._wakers:
                self._wakers[fd].recv(64)
            elif self._listener is not None and fd == self._listener.fileno():
                self._accept(self._listener)
            return
        if event & select.EPOLLOUT:
            self._dirty.add(peer)
            self._moving.add(peer)
        if not event & ~select.EPOLLOUT:
            return
        try:
            peer.receive(time.monotonic_ns())
        except Closed as error:
            self._drop(peer, str(error))
            return
        if self._stopping:
            peer.refuse_all()
        if peer.out_size:
            self._dirty.add(peer)
        self._line_up(peer)
        if peer not in self._unread and not _may_be_read(peer):
            self._unread.add(peer)
            self._watch(peer)
        if peer.missing() >= LARGE and peer not in self._unread:
            self._moving.add(peer)
        elif self._moving and peer not in self._stalled:
            self._moving.discard(peer)

    def _line_up(self, peer: Connection) -> None:
        """Give a peer with requests its place among the others, unless its answers pile up."""
        if peer.queue and not peer.in_turn and peer.out_size <= connection.OUT_MAX:
            peer.in_turn = True
            self._ready.append(peer)

    def _accept(self, listener: socket.socket) -> None:
        while (sock := connection.accept(listener)) is not None:
            if len(self._peers) >= CONNECTIONS_MAX:
                sock.close()
                continue
            self._serials += 1
            peer = Connection(sock, self._serials)
            self._peers[peer.fd] = peer
            self._epoll.register(peer.fd, select.EPOLLIN)
            hello = frames.HELLO_PAYLOAD.pack(connection.CREDIT, self._index, os.getpid())
            peer.send(frames.frame(frames.HELLO, peer.serial, hello))
            self._dirty.add(peer)

    def _turn(self) -> None:
        """Answer requests for about a turn's time, one or one batch a peer at a time."""
        ready, words, pace = self._ready, self._words, self._pace
        now = time.monotonic_ns()
        end = now + TURN_NS
        while ready and now < end and not self._stopping:
            peer = ready.popleft()
            peer.in_turn = False
            if not peer.queue:
                continue  # all that it had in line was cancelled before its turn came
            self._dirty.add(peer)
            try:
                if pace is None or len(peer.queue) == 1:
                    self._take_one(peer, now)
                else:
                    self._take_batch(peer, pace, now)
            except Closed as error:
                self._drop(peer, str(error))
                continue
            self._line_up(peer)
            now = time.monotonic_ns()
        words[page.SERVED] = self._served
        if not ready:
            words[page.BUSY_SINCE] = 0

    def _take_one(self, peer: Connection, now: int) -> None:
        request_id, arrived, payload = peer.take()
        deadline_ms, meta, body = connection.parse(payload)
        if deadline_ms and now - arrived > deadline_ms * 1_000_000:
            peer.refuse(request_id)
            return
        self._note(peer, request_id, now)
        self._answer(peer, request_id, self._model.invoke(meta, body))

    def _take_batch(self, peer: Connection, pace: batching.Pace, now: int) -> None:
        """What the peer has in line, as far as the pace allows, answered together."""
        ids: list[int] = []
        asked: list[tuple[bytes, bytes]] = []
        size = 0
        while peer.queue and len(ids) < pace.count and size < batching.BYTES_MAX:
            request_id, arrived, payload = peer.take()
            deadline_ms, meta, body = connection.parse(payload)
            if deadline_ms and now - arrived > deadline_ms * 1_000_000:
                peer.refuse(request_id)
                continue
            ids.append(request_id)
            asked.append((meta, body))
            size += len(payload)
        if not ids:
            return
        self._note(peer, ids[-1], now)
        for request_id, answer in zip(ids, self._model.invoke_many(asked)):
            self._answer(peer, request_id, answer)
        pace.took(len(ids), time.monotonic_ns() - now)

    def _note(self, peer: Connection, request_id: int, now: int) -> None:
        """Say on the page what is taken, before it is: serials first (see page.py)."""
        words, taken, at, serial = self._words, self._taken, peer.taken_at, peer.serial
        if taken[at] <= serial:  # else it is a later connection's
            taken[at] = serial
            taken[at + 1] = request_id
        words[page.CONNECTION] = serial
        words[page.LAST_TAKEN] = request_id
        words[page.BUSY_SINCE] = now

    def _answer(self, peer: Connection, request_id: int, answer: contract.Answer) -> None:
        if self._forked:
            failures.end_child()
        status, meta, body = answer
        if len(body) > _BODY_MAX or len(meta) > _META_MAX or not 100 <= status <= 599:
            status, meta, body = _unsendable(answer)
        peer.answer(request_id, status, meta, body)
        self._served += 1

    def _flush(self) -> None:
        """Send answers; whoever's socket is full waits for it alone."""
        dirty, self._dirty = self._dirty, set()
        for peer in dirty:
            if peer.fd not in self._peers:
                continue
            before = peer.out_size
            try:
                done = peer.flush()
            except Closed as error:
                self._drop(peer, str(error))
                continue
            if done:
                if self._stalled.pop(peer, None) is not None:
                    self._watch(peer)
                    if peer.missing() < LARGE:
                        self._moving.discard(peer)
            elif peer not in self._stalled:
                self._stalled[peer] = time.monotonic_ns()
                self._moving.add(peer)
                self._watch(peer)
            elif peer.out_size < before:
                self._stalled[peer] = time.monotonic_ns()
            self._line_up(peer)
            if peer in self._unread and _may_be_read(peer):
                self._unread.discard(peer)
                self._watch(peer)

    def _watch(self, peer: Connection) -> None:
        """Tell the kernel what to wake for."""
        reads = 0 if peer in self._unread else select.EPOLLIN
        writes = select.EPOLLOUT if peer in self._stalled else 0
        self._epoll.modify(peer.fd, reads | writes)

    def _cut_off(self) -> None:
        """Drop peers that have read nothing for too long."""
        limit = time.monotonic_ns() - STALLED_NS
        late = [peer for peer, since in self._stalled.items() if since < limit]
        if late:
            self._dirty.update(late)  # it may have read while the model computed
            self._flush()
        for peer in late:
            if self._stalled.get(peer, limit) < limit:
                self._drop(peer, "it does not read its answers")

    def _drop(self, peer: Connection, reason: str) -> None:
        """Forget a peer with all it asked: nobody waits for the answers."""
        if self._peers.pop(peer.fd, None) is None:
            return
        if reason != "end of stream":
            failures.say(f"a connection was closed: {reason}\n")
        self._epoll.unregister(peer.fd)
        peer.queue.clear()
        peer.close()
        if peer.in_turn:
            self._ready.remove(peer)
        if not self._ready:
            self._words[page.BUSY_SINCE] = 0  # what was to follow has gone with the peer
        for group in (self._moving, self._dirty, self._unread):
            group.discard(peer)
        self._stalled.pop(peer, None)

    def _is_drained(self) -> bool:
        """Say good-bye once; then whether every peer has everything and time is up."""
        now = time.monotonic_ns()
        if self._listener is not None:
            page.write_state(self._words, page.DRAINING, os.getpid())
            self._epoll.unregister(self._listener.fileno())
            self._listener.close()
            self._listener = None
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path)
            self._ready.clear()
            self._words[page.BUSY_SINCE] = 0
            for peer in self._peers.values():
                peer.in_turn = False
                peer.send(frames.frame(frames.GOAWAY, 0))
                peer.refuse_all()
            self._dirty.update(self._peers.values())
            self._flush()
        if self._stalled:
            return not self._peers
        if self._linger_until is None:
            self._linger_until = now + LINGER_NS
        return not self._peers or now >= self._linger_until


def _may_be_read(peer: Connection) -> bool:
    return peer.in_size <= connection.IN_MAX and peer.out_size <= connection.OUT_MAX


def _unsendable(answer: contract.Answer) -> contract.Answer:
    """What is said in place of an answer that no frame carries."""
    status, meta, body = answer
    if not 100 <= status <= 599:
        text = f"the answer has the status {status}: set one from 100 to 599"
    elif len(meta) > _META_MAX:
        text = (
            f"the answer's content type and headers have {len(meta)} bytes, the limit is "
            f"{_META_MAX}: shorten them, and return (body, content type), in this order"
        )
    else:
        text = f"the answer has {len(body)} bytes, the limit is {_BODY_MAX}"
    failures.say(text + "\n")
    return 500, b"text/plain\0\0\0" + text.encode(), text.encode()
