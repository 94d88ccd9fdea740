"""The gateway's parts without sockets: transports that collect, workers that a test speaks for."""

import asyncio
import hashlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any

from gateway_rig import ACCOUNT, REGION, ROOT_KEY, ROOT_SECRET, snapshot_of
from hostler.aws import sigv4
from hostler.domain.ids import sagemaker_arn
from hostler.domain.layout import Layout
from hostler.domain.snapshot import EndpointRoute, TargetRoute, VariantRoute
from hostler.gateway.counts import Counts
from hostler.gateway.gateway import Gateway
from hostler.gateway.limits import Limits
from hostler.gateway.link import Link
from hostler.gateway.protocol import HttpConnection
from hostler.gateway.target import Target
from hostler.modelserver import frames

if TYPE_CHECKING:
    from hostler.gateway.pool import Pool

UNSHARED = Counts(None)
"""For gateways that are alone."""
REAL_TIME = VariantRoute("AllTraffic", 1.0, ())
PATH = "/endpoints/Demo/invocations"


class Wire(asyncio.Transport):
    """Collects what is written; closes as asyncio does, with ``connection_lost``."""

    def __init__(self, protocol: Any, extra: dict[str, Any] | None = None) -> None:
        super().__init__(extra)
        self.protocol = protocol
        self.written = b""
        self.closed = False
        self.half_closed = False
        self.reading = True
        self.unsent = 0

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def write(self, data: Any) -> None:
        assert not self.closed, "written after the close"
        assert not self.half_closed, "written after the end"
        self.written += bytes(data)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """What is written is taken at once."""

    def writelines(self, pieces: Any) -> None:
        self.write(b"".join(pieces))

    def write_eof(self) -> None:
        self.half_closed = True

    def is_closing(self) -> bool:
        return self.closed

    def can_write_eof(self) -> bool:
        return True

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.protocol.connection_lost(None)

    abort = close

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    def ended(self) -> bool:
        return self.closed or self.half_closed

    def take(self) -> bytes:
        data, self.written = self.written, b""
        return data


class Worker:
    """A worker's end of a link, spoken for by the test."""

    def __init__(
        self,
        target: Target,
        credit: int,
        turn: Callable[[], None],
        slot: int = 0,
        hello: bytes | None = None,
    ) -> None:
        self._turn = turn
        self.link = Link(target, slot)
        self.wire = Wire(self.link)
        self.link.connection_made(self.wire)
        self._decoder = frames.Decoder()
        usual = frames.frame(frames.HELLO, 1, frames.HELLO_PAYLOAD.pack(credit, slot, 77))
        self.says(usual if hello is None else hello)

    def says(self, data: bytes) -> None:
        self.link.data_received(data)

    def heard(self) -> list[tuple[int, int, bytes]]:
        """Frames since the last call: kind, id, payload."""
        self._turn()
        return [
            (kind, request_id, payload)
            for kind, _, request_id, payload in self._decoder.feed(self.wire.take())
        ]

    def answers(self, request_id: int, body: bytes = b"ok", status: int = 200) -> None:
        self.says(frames.response(request_id, status, b"text/plain\0", body))


class Client:
    """A client's connection."""

    def __init__(self, gateway: Gateway, **extra: Any) -> None:
        self.connection = HttpConnection(gateway)
        self.wire = Wire(self.connection, extra)
        self.connection.connection_made(self.wire)

    def sends(self, data: bytes) -> None:
        if not self.wire.closed:
            self.connection.data_received(data)

    def leaves(self) -> None:
        self.wire.close()

    def half_closes(self) -> None:
        """It sends nothing more, and would still read."""
        if not self.wire.closed and not self.connection.eof_received():
            self.wire.close()

    def reads(self) -> list[tuple[int, bytes]]:
        """The answers since the last call: status and body."""
        return list(parsed(self.wire.take()))


class Bench:
    """A gateway whose endpoint Demo has instances without processes."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        root: Path,
        limits: Limits,
        variant: VariantRoute | None = None,
    ) -> None:
        self.gateway = Gateway(Layout(root), limits, loop, ("h", "x"))
        arn = sagemaker_arn(REGION, ACCOUNT, "endpoint", "Demo")
        route = EndpointRoute(ACCOUNT, REGION, "Demo", arn, (variant or REAL_TIME,), id="e-demo")
        self.gateway.use(snapshot_of((route,)))
        endpoint = self.gateway.routes.find(ACCOUNT, REGION, "Demo")
        assert endpoint is not None
        self.variant = endpoint.variants[0]
        self.pool: Pool = self.variant.pool
        self.dialled: list[tuple[str, int]] = []
        self.later: list[Callable[[], None]] = []
        """What the loop would call in its next turn."""

    def instance(
        self, name: str = "i-1", credit: int = 64, page: str = "", hello: bytes | None = None
    ) -> Worker:
        target = Target(
            TargetRoute(name, ("w0.sock",), page),
            self.pool,
            UNSHARED,
            lambda _target, slot, _delay: self.dialled.append((name, slot)),
            self.later.append,
        )
        self.pool.targets = (*self.pool.targets, target)
        return Worker(target, credit, self.turn, hello=hello)

    def client(self, **extra: Any) -> Client:
        """``extra``: what asyncio tells of its transport, e.g. ``peername``."""
        return Client(self.gateway, **extra)

    def turn(self) -> None:
        """The loop's next turn."""
        later, self.later[:] = self.later[:], []
        for call in later:
            call()

    def answers_to(self, data: bytes) -> tuple[list[tuple[int, bytes]], Wire]:
        """What a fresh connection gets for ``data``."""
        client = self.client()
        client.sends(data)
        return client.reads(), client.wire


@contextmanager
def bench(**limits: Any) -> Iterator[Bench]:
    loop = asyncio.new_event_loop()
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="h-") as root:
        made = Bench(loop, Path(root), Limits(**limits))
        try:
            yield made
        finally:
            made.gateway.close()
            loop.close()


def signed(
    body: bytes = b"{}",
    path: str = PATH,
    by: tuple[str, str] = (ROOT_KEY, ROOT_SECRET),
    **extra: str,
) -> bytes:
    """A signed invocation, of Demo and by the root unless told otherwise."""
    head = sigv4.sign(
        "POST",
        path,
        [("host", "h:1"), *((name.replace("_", "-"), value) for name, value in extra.items())],
        hashlib.sha256(body).hexdigest(),
        access_key_id=by[0],
        secret=by[1],
        region=REGION,
        service="sagemaker",
        now=time(),
    )
    lines = "".join(f"{name}: {value}\r\n" for name, value in head)
    return f"POST {path} HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body


def parsed(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Answers with Content-Length: status and body."""
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        status = int(lines[0].split(b" ")[1])
        if status == 100:
            yield 100, b""
            continue
        length = next(
            int(line.split(b":")[1])
            for line in lines
            if line.lower().startswith(b"content-length:")
        )
        yield status, data[:length]
        data = data[length:]
