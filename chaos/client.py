"""The load, in a process of its own: ``python -m chaos.client``.

Its orders are JSON in stdin's first line, its outcomes JSON on stdout once stdin has ended.

Requests leave on time, however long others take (``per_second``), or as soon as one of so many
connections is free (``connections``). Each is signed, has a body of its own, and is sent once. An
echo is compared with what was sent.
"""

import asyncio
import hashlib
import json
import os
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, cast

import uvloop

from hostler.aws import sigv4

DISTINCT = 200
SIGNED_FOR_S = 60.0
CONNECTIONS_MAX = 8000
TICK_S = 0.002
LAST_ANSWER_S = 75.0


@dataclass(frozen=True, slots=True)
class Orders:
    """What to send where."""

    port: int
    endpoint: str
    access_key_id: str
    secret: str
    region: str
    body: dict[str, Any]
    per_second: float = 0.0
    connections: int = 0
    versions: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One of the set: its bytes and the answer that is expected."""

    data: bytes
    body: bytes

    def version(self, answer: bytes) -> str | None:
        """What stands before the echo in an answer; None if it is another request's."""
        return answer[: -len(self.body)].decode() if answer.endswith(self.body) else None


class Connection(asyncio.Protocol):
    """A kept connection with at most one request on its way."""

    def __init__(self, load: "Load") -> None:
        self.load = load
        self.transport = cast("asyncio.Transport", None)
        self.request: Request | None = None
        self.began = 0.0
        self.received = b""

    def send(self, request: Request) -> None:
        self.request, self.began = request, time.monotonic()
        self.transport.write(request.data)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end or self.request is None:
            return
        pairs = (line.partition(b": ") for line in head.split(b"\r\n")[1:])
        fields = {name.lower(): value for name, _, value in pairs}
        if len(body) < int(fields[b"content-length"]):
            return
        status = int(head[9:12])
        version = self.request.version(body)
        right = version is not None and (self.load.orders.versions or not version)
        note = "" if right else "another's answer"
        if status != 200:
            note = fields.get(b"x-amzn-errortype", b"").decode()
            if status == 503:
                after = fields.get(b"retry-after", b"nothing").decode()
                note = f"{note} retry-after {after}: {json.loads(body)['Message']}"
        self.load.ended(self.began, status, note, version or "")
        self.request, self.received = None, b""
        if fields.get(b"connection") == b"close":
            self.transport.close()
        self.load.free(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.request is not None:
            self.load.ended(self.began, 0, f"lost: {exc!r}")
            self.request = None
            self.load.free(self)


@dataclass
class Load:
    """All connections, and what became of what they sent."""

    orders: Orders
    outcomes: list[tuple[float, float, int, str, str]] = field(default_factory=list)
    idle: deque[Connection] = field(default_factory=deque)
    requests: list[Request] = field(default_factory=list)
    signed_at: float = 0.0
    sent: int = 0
    pending: int = 0
    stopping: bool = False
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    late_s: list[float] = field(default_factory=list)
    """By how much each tick came too late: what this process's own clock is worth."""

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        over = asyncio.Event()

        def told() -> None:
            if not os.read(0, 4096):
                over.set()

        loop.add_reader(0, told)
        start = time.monotonic()
        for _ in range(self.orders.connections):
            self.send()
        while not over.is_set():
            if self.orders.per_second:
                due = int((time.monotonic() - start) * self.orders.per_second)
                while self.sent < due:
                    self.send()
            before = time.monotonic()
            await asyncio.sleep(TICK_S)
            self.late_s.append(time.monotonic() - before - TICK_S)
        self.stopping = True
        loop.remove_reader(0)
        last = time.monotonic() + LAST_ANSWER_S
        while self.pending and time.monotonic() < last:
            await asyncio.sleep(0.01)

    def send(self) -> None:
        now = time.monotonic()
        if now - self.signed_at > SIGNED_FOR_S:
            self.requests, self.signed_at = signed(self.orders), now
        request = self.requests[self.sent % len(self.requests)]
        self.sent += 1
        self.pending += 1
        while self.idle:
            connection = self.idle.popleft()
            if not connection.transport.is_closing():
                connection.send(request)
                return
        task = asyncio.get_running_loop().create_task(self.connect(request))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def connect(self, request: Request) -> None:
        began = time.monotonic()
        try:
            if self.pending > CONNECTIONS_MAX:
                raise OSError("too many connections are waiting")
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: Connection(self), "127.0.0.1", self.orders.port
            )
        except OSError as error:
            self.ended(began, 0, f"not connected: {error!r}")
        else:
            connection.send(request)

    def ended(self, began: float, status: int, note: str, version: str = "") -> None:
        self.pending -= 1
        self.outcomes.append((began, time.monotonic(), status, note, version))

    def free(self, connection: Connection) -> None:
        if not connection.transport.is_closing():
            self.idle.append(connection)
        if self.orders.connections and not self.stopping:
            self.send()


def signed(orders: Orders) -> list[Request]:
    """The set, signed now."""
    target = f"/endpoints/{orders.endpoint}/invocations"
    made = []
    for number in range(DISTINCT):
        body = json.dumps({**orders.body, "n": number}).encode()
        head = sigv4.sign(
            "POST",
            target,
            (("host", f"127.0.0.1:{orders.port}"), ("content-type", "application/json")),
            hashlib.sha256(body).hexdigest(),
            access_key_id=orders.access_key_id,
            secret=orders.secret,
            region=orders.region,
            service="sagemaker",
            now=time.time(),
        )
        lines = "".join(f"{name}: {value}\r\n" for name, value in head)
        lines += f"content-length: {len(body)}\r\n"
        made.append(Request(f"POST {target} HTTP/1.1\r\n{lines}\r\n".encode() + body, body))
    return made


def main() -> None:
    with open(0, "rb", buffering=0, closefd=False) as stdin:  # Load.run reads on
        load = Load(Orders(**json.loads(stdin.readline())))
    uvloop.run(load.run())
    late = sorted(load.late_s)
    late_ms = late[int(0.99 * len(late))] * 1000 if late else 0.0
    print(json.dumps({"outcomes": load.outcomes, "late_ms": late_ms}))


if __name__ == "__main__":
    main()
