"""Everything that is no invocation: streamed to the control plane's or S3's Unix socket and back.

The head goes out as it came, name by name, value by value (the signature covers it); the body is
framed anew from what the parser understood, so that both sides see the same one request. Each
request has its own upstream connection: they are local and cheap, and none is ever stale.

Invariant: about ``relay_buffer_bytes`` wait on either side at most; the faster side is not read,
and a large transfer is read when its turn comes. An upstream that is waited for and stands still
is given up.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import orjson

from hostler.domain import hosts, own_paths, sender
from hostler.gateway import answers, lending, own
from hostler.gateway import head as heads
from hostler.gateway.lending import Loan
from hostler.gateway.progress import Late
from hostler.gateway.turns import PIECE_MIN
from hostler.gateway.unchunked import Unchunked
from hostler.gateway.upstream import Upstream

if TYPE_CHECKING:
    from hostler.gateway.gateway import Gateway
    from hostler.gateway.head import Head
    from hostler.gateway.protocol import HttpConnection

RETRY_AFTER_S = 1
REACH_AGAIN_S = 0.05
RESTARTED = "It is restarted by the supervisor"


@dataclass(frozen=True, slots=True)
class Upstreams:
    """Where requests are passed on to."""

    control: Path
    s3: Path
    s3_loans: Path


class Relay:
    """One request that is passed on."""

    __slots__ = (
        "_chunked",
        "_complete",
        "_full",
        "_head",
        "_loan",
        "_moved",
        "_pending",
        "_pending_bytes",
        "_service",
        "_since",
        "_task",
        "_upstream",
        "_writable",
        "_yields",
        "answering",
        "connection",
        "done",
        "gateway",
        "keep_alive",
        "size",
    )

    def __init__(self, gateway: "Gateway", connection: "HttpConnection", head: "Head") -> None:
        self.gateway = gateway
        self.connection = connection
        self.keep_alive = True
        self.answering = False
        self.done = False
        self.size = 0
        self._head = head
        self._chunked = head.shape.at("transfer-encoding") >= 0
        self._pending = [heads.passed_on(head, sender.written(connection.sender()))]
        self._pending_bytes = 0
        self._complete = False
        self._service = ""
        self._task: asyncio.Task[None] | None = None
        self._upstream: Upstream | None = None
        self._loan: Loan | None = None
        """While S3 has the client's connection."""
        self._full = False
        """Whether what was read of the request is still to be taken."""
        self._writable = True
        """Whether the client keeps up with the answer."""
        self._yields = False
        """Whether the rest of the request waits for its turn."""
        self._moved = -1
        self._since = 0.0
        """Since when the upstream has been waited for and has moved no more (monotonic s)."""

    # the protocol's Handler

    def begin(self) -> None:
        gateway = self.gateway
        if gateway.in_flight >= gateway.limits.in_flight_max and not self._asks_health():
            self._socket()  # says in whose words it is refused
            self._unavailable("was not asked", "Too many requests are in flight")
            return
        gateway.relays.add(self)
        self._task = gateway.loop.create_task(self._connect())

    def body(self, piece: bytes) -> None:
        if self.done:
            return
        begun = self._task is not None
        if len(piece) >= PIECE_MIN and begun and not self._yields:
            self._yields = True
            self._steer()
            self.gateway.turns.wait(self._go_on)
        self.size += len(piece)
        data = b"%x\r\n%b\r\n" % (len(piece), piece) if self._chunked else piece
        if self._upstream is not None:
            self._upstream.write((data,))
            return
        self._pending.append(data)
        self._pending_bytes += len(data)
        if self._pending_bytes > self.gateway.limits.relay_buffer_bytes:
            self._full = True
            self._steer()

    def complete(self) -> None:
        self._complete = True
        if self.done or not self._chunked:
            return
        if self._upstream is not None:
            self._upstream.write((b"0\r\n\r\n",))
        else:
            self._pending.append(b"0\r\n\r\n")

    def gone(self) -> None:
        self._end()

    def writable(self, *, yes: bool) -> None:
        self._writable = yes
        if self._upstream is not None and not self.done:
            self._upstream.read(yes=yes)

    # what the gateway's sweep calls

    def expire(self, now: float) -> None:
        """Give up an upstream that has accepted the request and stands still (monotonic s)."""
        if self._loan is not None:
            self._expire_loan(self._loan.late(now))
            return
        upstream = self._upstream
        if upstream is None:
            return  # it is being reached: that has an end of its own
        waits = upstream.blocked or (self._complete and self._writable)
        if not waits or upstream.moved != self._moved:
            self._moved, self._since = upstream.moved, now
            return
        limits = self.gateway.limits
        patience_s = limits.health_wait_s if self._asks_health() else limits.upstream_still_s
        if now - self._since <= patience_s:
            return
        if self.answering:
            self.connection.abort()
        else:
            self._unavailable(f"has not answered for {patience_s:.0f} s", "Its log may say why")

    # what the upstream tells

    def answered(self, data: bytes, *, whole: bool, keep_alive: bool) -> None:
        """More of the answer; ``whole`` with its last bytes."""
        if self.done:
            return
        self.answering = True
        self.connection.transport.write(data)
        if whole:
            self.keep_alive = self.keep_alive and keep_alive
            self._finish()

    def informed(self, data: bytes) -> None:
        """An interim answer (100 Continue), or a part of the final one's head."""
        if not self.done:
            self.answering = not data.endswith(b"\r\n\r\n")
            self.connection.transport.write(data)

    def returned(self, *, goes_on: bool) -> None:
        """S3 has answered at the client's connection, and lets go of it."""
        if self.done:
            return
        self.connection.returned(self, whole=goes_on)
        self.keep_alive = self.keep_alive and goes_on
        self._finish()

    def read_more(self, *, yes: bool) -> None:
        """Whether the upstream takes more of the body."""
        self._full = not yes
        self._steer()

    def cut(self) -> None:
        """The upstream's connection has ended before the answer did."""
        if self.done:
            return
        self.connection.returned(self, whole=False)
        if self.answering:  # ends an answer without a length; tells the client of any other's loss
            self.keep_alive = False
            self._finish()
        else:
            self._unavailable("ended before it answered", RESTARTED)

    # inside

    def _steer(self) -> None:
        """Read more of the request, or do not, as things are now."""
        if not self.done:
            self.connection.hold(self, yes=self._full or self._yields)

    def _go_on(self) -> None:
        self._yields = False
        self._steer()

    async def _connect(self) -> None:
        path = str(self._socket())
        if self._service == "s3" and self._may_lend() and await self._lend():
            return
        upstream = await self._reach(path) or await self._reach_again(path)
        if upstream is None:
            if not self.done:
                self._unavailable("is not running", RESTARTED)
            return
        if self.done:
            upstream.transport.abort()
            return
        limit = self.gateway.limits.relay_buffer_bytes
        upstream.transport.set_write_buffer_limits(high=limit)
        self.connection.transport.set_write_buffer_limits(high=limit)
        self._upstream = upstream
        pending, self._pending = self._pending, []
        upstream.write(pending)
        self._full = upstream.blocked
        self._steer()

    def _may_lend(self) -> bool:
        transport = self.connection.transport
        return (
            not self.done
            and transport.get_write_buffer_size() == 0
            and transport.get_extra_info("sslcontext") is None
            and lending.is_lendable(self._head, self.size)
        )

    async def _lend(self) -> bool:
        """Let S3 answer at the client's own connection; False where it is to be relayed."""
        try:
            _, loan = await self.gateway.loop.create_unix_connection(
                lambda: Loan(self), str(self.gateway.upstreams.s3_loans)
            )
        except OSError:
            return False
        rest = lending.rest_of(self._head, self.size)
        if self._may_lend():  # still: more may have come of a body meanwhile
            if rest:
                self.connection.lend()
            if loan.begin(self.connection.transport, self._pending, rest):
                self._loan, self._pending = loan, []
                return True
            self.connection.returned(self, whole=False)
        loan.transport.abort()
        return False

    def _expire_loan(self, late: Late | None) -> None:
        match late:
            case Late.SENDER if not self.answering:
                self.connection.refuse_slow_body()
            case Late.S3 if not self.answering:
                self.connection.returned(self, whole=False)
                self.keep_alive = False  # it may still write there, should it go on
                patience_s = self.gateway.limits.upstream_still_s
                self._unavailable(f"has not answered for {patience_s:.0f} s", "Its log may say why")
            case None:
                return
            case _:
                self.connection.abort()

    async def _reach(self, path: str) -> "Upstream | None":
        kind = Unchunked if self._head.version == "1.0" else Upstream
        head_only = self._head.method == "HEAD"
        try:
            _, upstream = await self.gateway.loop.create_unix_connection(
                lambda: kind(self, self.gateway.turns, head_only=head_only), path
            )
        except OSError:
            return None
        return upstream

    async def _reach_again(self, path: str) -> "Upstream | None":
        """Wait a moment for one that is being restarted: nothing of the request has been sent."""
        gateway = self.gateway
        limits = gateway.limits
        if self._asks_health() or gateway.awaiting_upstream >= limits.upstream_waiting_max:
            return None
        deadline = monotonic() + limits.upstream_wait_s
        gateway.awaiting_upstream += 1
        try:
            while monotonic() < deadline:
                await asyncio.sleep(REACH_AGAIN_S)
                upstream = await self._reach(path)
                if upstream is not None:
                    return upstream
        finally:
            gateway.awaiting_upstream -= 1
        return None

    def _asks_health(self) -> bool:
        return self._head.target.partition("?")[0] == own_paths.HEALTH

    def _socket(self) -> Path:
        head = self._head
        upstreams = self.gateway.upstreams
        if not self._is_own():
            # Imported with the first such request: botocore's models are no part of an invocation.
            from hostler.aws import route  # noqa: PLC0415

            self._service = route.service_name(head.method, head.target, head.pairs)
        return upstreams.s3 if self._service == "s3" else upstreams.control

    def _is_own(self) -> bool:
        return own.is_own(self._head, self.gateway.places.own)

    def _unavailable(self, why: str, remedy: str) -> None:
        if self._is_own():
            refusal = hosts.refusal(self.gateway.places.own, self._head.get("host"))
            if refusal is not None:
                document = orjson.dumps({"message": refusal})
                self._answer(421, document, b"application/json", "MisdirectedRequest")
                return
        name = "the S3 process" if self._service == "s3" else "the control plane"
        text = f"Hostler: {name} {why}. {remedy}; try again."
        if self._asks_health():
            health = {
                "status": "degraded",
                "ready": False,
                "control": False,
                "gateway": "serving",
                "detail": f"{text} Endpoints in service answer meanwhile.",
                "generation": self.gateway.generation,
                **self.gateway.fleet.summary(),
            }
            self._answer(503, orjson.dumps(health), b"application/json", "ServiceUnavailable")
        else:
            self._refuse(503, "ServiceUnavailable", text)

    def _refuse(self, status: int, code: str, text: str) -> None:
        request_id = self.gateway.request_ids.new().decode()
        if self._service == "s3":
            body = (
                '<?xml version="1.0" encoding="UTF-8"?>\n'
                f"<Error><Code>{code}</Code><Message>{text}</Message>"
                f"<RequestId>{request_id}</RequestId></Error>"
            )
            self._answer(status, body.encode(), b"application/xml", code)
        elif self._service in {"iam", "sts", "sns"}:
            body = (
                f"<ErrorResponse><Error><Type>Receiver</Type><Code>{code}</Code>"
                f"<Message>{text}</Message></Error>"
                f"<RequestId>{request_id}</RequestId></ErrorResponse>"
            )
            self._answer(status, body.encode(), b"text/xml", code)
        else:
            document = {"__type": code, "message": text}
            self._answer(status, orjson.dumps(document), b"application/x-amz-json-1.1", code)

    def _answer(self, status: int, body: bytes, content_type: bytes, code: str) -> None:
        data = answers.answer(
            status,
            b"" if self._head.method == "HEAD" else body,
            self.gateway.date,
            content_type=content_type,
            error_type=code,
            retry_after_s=RETRY_AFTER_S if status == 503 else None,
            close=self.connection.closes(self),
        )
        self.connection.transport.write(data)
        self._finish()

    def _finish(self) -> None:
        self._end()
        self.connection.finished(self)

    def _end(self) -> None:
        self.done = True
        self.gateway.relays.discard(self)
        self._pending = []
        if self._upstream is not None:
            self._upstream.transport.abort()
        elif self._loan is not None:
            self._loan.transport.abort()
        elif self._task is not None:
            self._task.cancel()
