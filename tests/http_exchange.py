"""A gateway without sockets between a client, a worker, and control and S3 that a test plays."""

import asyncio
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import http_reader
from gateway_pieces import Bench, Client, Wire, Worker
from hostler.gateway.limits import Limits
from hostler.modelserver import frames
from http_cases import INVOCATION, Case

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@dataclass
class Reached:
    """One connection that the gateway made to control or S3."""

    service: str
    protocol: Any
    wire: Wire
    heard: bytes = b""
    answered: bool = False

    def is_whole(self) -> bool:
        """Whether what came can be read as a request; it must not be read as anything else."""
        self.heard += self.wire.take()
        try:
            _request, rest = http_reader.read(self.heard)
        except http_reader.IncompleteError:
            return False
        assert not rest, f"more than one request: {self.heard!r}"
        return True

    def answer(self, data: bytes = OK) -> None:
        self.answered = True
        self.protocol.data_received(data)

    def echo(self) -> None:
        """Answer with the request's body."""
        body = http_reader.read(self.heard)[0].body
        self.answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


class PlayedLoop(asyncio.SelectorEventLoop):
    """Connects to control and S3 in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.reached: list[Reached] = []

    async def create_unix_connection(  # type: ignore[override]
        self, factory: Callable[[], Any], path: str, **_: Any
    ) -> tuple[Wire, Any]:
        if "loans" in Path(path).name:
            raise ConnectionRefusedError("a wire has no descriptor to lend")
        protocol = factory()
        wire = Wire(protocol)
        protocol.connection_made(wire)
        self.reached.append(Reached("s3" if "s3" in Path(path).name else "control", protocol, wire))
        return wire, protocol


@dataclass(frozen=True)
class Exchange:
    """What became of the bytes of one client."""

    answers: list[tuple[int, bytes]]
    raw: bytes
    ended: bool
    invoked: list[bytes]
    """The bodies that the model server was asked with, in order."""
    relayed: list[bytes] = field(default_factory=list)
    """What each connection to control or S3 was sent."""

    @property
    def statuses(self) -> list[int]:
        return [status for status, _ in self.answers]

    @property
    def closes(self) -> bool:
        """Whether the last answer says that nothing follows it (RFC 9112 section 9.6)."""
        head = self.raw[self.raw.rindex(b"HTTP/1.1 ") :].partition(b"\r\n\r\n")[0]
        return b"\r\nconnection: close" in head.lower()

    def requests(self) -> list[http_reader.Request]:
        """The whole requests that control and S3 were sent."""
        return [each for heard in self.relayed for each in http_reader.all_of(heard)]


class Front(Bench):
    """A gateway, with a worker that answers by itself, and a control and an S3 that do."""

    def __init__(self, loop: PlayedLoop, root: Path, limits: Limits) -> None:
        super().__init__(loop, root, limits)
        self.loop = loop
        self.worker: Worker = self.instance()
        self.turn()
        self.worker.wire.take()

    def exchange(
        self, pieces: Iterable[bytes], *, then: Callable[[Client], None] | None = None
    ) -> Exchange:
        """Send the pieces as the gateway reads them, answer whatever arrives, until all is still.

        ``then`` follows on the last piece, before anything is answered.
        """
        client, waiting = self.client(), deque(pieces)
        self.loop.reached = []
        invoked: list[bytes] = []
        while True:
            if waiting and client.wire.reading and not client.wire.closed:
                client.sends(waiting.popleft())
                if then is not None and not waiting:
                    then(client)
            elif not self._moves(invoked):
                break
        for each in self.loop.reached:
            each.heard += each.wire.take()
        raw = client.wire.written
        found = Exchange(
            list(client.reads()),
            raw,
            client.wire.ended(),
            invoked,
            [each.heard for each in self.loop.reached],
        )
        self.let_go(client)
        assert not self.gateway._defects, self.gateway._defects
        return found

    def settles(self) -> None:
        """Everybody does what there is to do."""
        while self._moves([]):
            pass

    def let_go(self, client: Client) -> None:
        """Nothing of an exchange is left."""
        client.leaves()
        self.settles()
        assert not self.gateway.active
        assert not self.gateway.relays
        assert client.connection not in self.gateway.connections
        assert self.worker.link.unanswered == 0

    def turn_loop(self) -> None:
        """What is ready in the loop happens."""
        for _ in range(3):
            self.loop.run_until_complete(asyncio.sleep(0))

    @staticmethod
    def body_of(payload: bytes) -> bytes:
        """The body in a REQUEST's payload."""
        meta = frames.REQUEST_HEAD.unpack_from(payload)[1]
        return payload[frames.REQUEST_HEAD.size + meta :]

    def _moves(self, invoked: list[bytes]) -> bool:
        """Let the loop, the worker, control and S3 do what they have to; whether they did."""
        before = len(self.loop.reached)
        self.turn_loop()
        moved = before != len(self.loop.reached)
        for kind, request_id, payload in self.worker.heard():
            if kind == frames.REQUEST:
                invoked.append(self.body_of(payload))
                self.worker.answers(request_id)
                moved = True
        for each in list(self.loop.reached):
            if each.is_whole() and not each.answered and not each.wire.closed:
                each.answer()
                moved = True
        return moved


def hold(case: Case, way: str, got: Exchange) -> None:
    """Whether a case came out as it must."""
    follow = case.kept and case.ends
    assert got.statuses == [*case.statuses, *([200] if follow else [])]
    assert got.ended
    if way == INVOCATION or case.body is None:  # control and S3 have theirs passed on
        assert got.closes
    bodies = [] if case.body is None else [case.body]
    bodies += [b"next"] if follow else []
    if way == INVOCATION:
        assert got.invoked == bodies
        assert not got.relayed
    else:
        assert [each.body for each in got.requests()] == bodies
        assert not got.invoked
        if case.body is not None:
            told = got.requests()[0]
            for name, value in case.fields:
                assert told.values(name) == ([] if value is None else [value]), name
    if case.data.startswith(b"HEAD"):
        assert got.raw.endswith(b"\r\n\r\n")


@contextmanager
def front(**limits: Any) -> Iterator[Front]:
    loop = PlayedLoop()
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="h-") as root:
        made = Front(loop, Path(root), Limits(**limits))
        try:
            yield made
        finally:
            made.gateway.close()
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()
