"""HTTP/1.1 on one client connection: heads, bodies, order, keep-alive, limits.

Callbacks only: no task and no future is made for a request. llhttp (httptools) does the strict
parsing (bare CR or LF, folding, framing conflicts and chunk sizes are errors there); what RFC 9112
asks of a server beyond it is in ``head``.

Invariant: answers leave in the order of the requests, one handler is *current* at a time, and after
an error nothing more is parsed.
"""

import asyncio
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, cast

import httptools

from hostler.domain.sender import Sender, of_connection
from hostler.gateway import answers
from hostler.gateway import head as heads
from hostler.gateway.framing import DROPPED, Framing
from hostler.gateway.handler import Handler, State
from hostler.gateway.taking import Taking
from hostler.gateway.tls import Sent
from hostler.gateway.upgrade import parser_behind

if TYPE_CHECKING:
    from hostler.gateway.gateway import Gateway
    from hostler.gateway.mould import Mould

_OPEN = State.OPEN
"""By a name of its own: to look it up at the enumeration costs more than to compare."""


SLOW_BODY = "The request's body came too slowly."


class HttpConnection(asyncio.Protocol):
    """One client."""

    __slots__ = (
        "_advancing",
        "_body_read",
        "_feed",
        "_framing",
        "_gateway",
        "_head_read",
        "_headers",
        "_incoming",
        "_is_first",
        "_lent",
        "_parser",
        "_paused",
        "_problem",
        "_reading",
        "_sent",
        "_since",
        "_taking",
        "_upgrading",
        "_url",
        "_waiting",
        "chunk",
        "current",
        "mould",
        "moulds_cast",
        "state",
        "transport",
    )

    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway
        self.transport: asyncio.Transport = cast("asyncio.Transport", None)
        self.state = State.OPEN
        self.current: Handler | None = None
        self._incoming: Handler | None = None
        self._waiting: deque[Handler] = deque()
        self._advancing = False
        self._paused = False
        """Whether what may come next is not wanted yet."""
        self._reading = True
        self._lent = False
        """Whether another process reads the rest of the body (``lending``)."""
        self._taking = Taking()
        self._sent = Sent()
        self._problem: tuple[int, str] | None = None
        self._headers: heads.RawHeaders = []
        self._url = b""
        self.chunk = b""
        """While its bytes are parsed: a chunk that began with a request; else empty."""
        self.mould: Mould | None = None
        """The one that fitted last."""
        self.moulds_cast = 0
        self._head_read = 0
        """0 between heads; 1 in the chunk where a head begins; then its bytes, with those of that
        chunk if it was the first there."""
        self._is_first = False
        self._body_read = 0
        self._framing: Framing | None = None
        """Of the body that comes in several reads, or came last."""
        self._upgrading: tuple[Handler, heads.Head] | None = None
        """A request with a body that asked for an upgrade, until the parser has let go of it."""
        self._since = 0.0
        """When the phase that a deadline judges began (monotonic s); 0 while none does."""
        self._parser = httptools.HttpRequestParser(self)
        self._feed = self._parser.feed_data

    # asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._since = monotonic()
        connections = self._gateway.connections
        connections.add(self)
        limits = self._gateway.limits
        excess = len(connections) + self._gateway.handshakes - limits.connections_max
        if excess > limits.refused_connections_max:
            self.abort()
        elif excess > 0:
            self._refuse(503, "Too many connections.")

    def data_received(self, data: bytes) -> None:
        if self.state is not _OPEN:
            return
        if self._head_read == 0:
            if self.current is None:
                if self._gateway.serve_moulded(self, data):
                    return
                self.chunk = data
            self._is_first = self._incoming is None
        while True:
            try:
                self._feed(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]
                if self._passes_over_upgrade() and data:
                    continue
            except httptools.HttpParserCallbackError as error:
                self._gateway.defect("reading a request", error.__context__ or error)
                self.abort()
            except httptools.HttpParserError as error:
                self._refuse(400, f"Malformed HTTP: {error}.")
            else:
                self.chunk = b""
                if self._head_read:
                    self._bound_head(len(data))
                elif self._incoming is not None:
                    self._bound_framing(len(data), self._incoming.size)
            return

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self.state = State.CLOSED
        self._gateway.connections.discard(self)
        self._gateway.untaken.let_go(self)
        handlers = (self.current, *self._waiting)
        self.current = self._incoming = None
        self._waiting.clear()
        for handler in handlers:
            if handler is not None:
                handler.gone()
        del self._feed, self._parser  # they refer back to this object

    def pause_writing(self) -> None:
        """Who does not take its answers is not read: they would pile up."""
        self._taking.judge(self.transport)
        self._steer()
        if self.current is not None:
            self.current.writable(yes=False)
        self._gateway.untaken.hold(self)  # at last: it may end this connection

    def resume_writing(self) -> None:
        self._gateway.untaken.let_go(self)
        if self.state is State.LINGER:
            return  # what is left is being flushed, and still judged
        self._taking.since = 0.0
        self._steer()
        if self.current is not None:
            self.current.writable(yes=True)
        else:
            self._advance()

    # httptools' callbacks

    def on_message_begin(self) -> None:
        self._url = b""
        self._headers = []
        self._head_read = 1
        self._since = monotonic()

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        raw, self._headers = self._headers, DROPPED
        if self.state is not State.OPEN:
            return
        gateway, parser = self._gateway, self._parser
        limits = gateway.limits
        version = parser.get_http_version()
        head = heads.parse(parser.get_method(), version, self._url, raw)
        problem = heads.problem(head, limits, gateway.places)
        if problem is None and (
            self._head_read > 1 or not 0 < len(self.chunk) <= limits.header_bytes_max
        ):
            problem = self._size_problem(heads.size(self._url, raw))
        self._head_read = self._body_read = 0
        self._is_first = False
        if problem is None and len(self._waiting) >= limits.pipelined_max:
            problem = 503, "Too many pipelined requests."
        if problem is not None:
            self._refuse(*problem)
            return
        handler = gateway.accept(self, head)
        handler.keep_alive = version == "1.1" and parser.should_keep_alive()
        self._incoming = handler
        if self.current is None:
            self.current = handler
            handler.begin()
        else:
            self._waiting.append(handler)
            self._pause(yes=True)
        if parser.should_upgrade() and self._incoming is handler and head.has_body():
            self._incoming, self._upgrading = None, (handler, head)

    def on_body(self, piece: bytes) -> None:
        if self._incoming is not None:
            self._incoming.body(piece)

    def on_message_complete(self) -> None:
        handler = self._incoming
        if handler is not None:
            self._incoming = None
            self._since = 0.0
            if self._paused and not self._waiting:  # its body was held back; a leave is to be heard
                self._pause(yes=False)
            if not handler.keep_alive and self.state is State.OPEN:
                self.state = State.LAST
            handler.complete()

    # what the gateway calls

    def serves(self, handler: Handler) -> None:
        """A request that needed no parsing: it is whole, and its turn has come."""
        self._since = 0.0
        self.current = handler

    # what handlers call

    def hold(self, handler: Handler, *, yes: bool) -> None:
        """Stop or go on reading the handler's body."""
        if handler is self._incoming:
            self._pause(yes=yes)

    def lend(self) -> None:
        """Read nothing more, until it is returned."""
        self._lent = True
        self._steer()

    def returned(self, handler: Handler, *, whole: bool) -> None:
        """Nobody else uses the connection any more.

        Args:
            handler: Whose request it was lent for.
            whole: Whether all of its body was read.
        """
        if not self._lent or self.state is State.CLOSED:
            return
        self._lent = False
        if whole and handler is self._incoming:
            self._incoming, self._since = None, 0.0
            self._parser = httptools.HttpRequestParser(self)
            self._feed = self._parser.feed_data
        self._steer()

    def refuse_slow_body(self) -> None:
        """The body that is lent does not come."""
        self._lent = False
        self._refuse(408, SLOW_BODY)

    def closes(self, handler: Handler) -> bool:
        """Whether the answer to this handler's request will be the last here."""
        return not handler.keep_alive or self._incoming is handler or self._gateway.draining

    def finished(self, handler: Handler) -> None:
        """The current answer has been written whole."""
        if handler is not self.current:
            return
        self.current = None
        if self._incoming is handler:  # answered before all of it was read
            self._incoming = None
            self._close(linger=True)
        elif not handler.keep_alive or self._gateway.draining:
            self._close(linger=bool(self._waiting))
        elif not self._reading or self.state is not _OPEN:
            self._advance()
        else:
            self._since = monotonic()

    def sender(self) -> Sender:
        """Who is at the other end."""
        told = self.transport.get_extra_info
        secured = told("ssl_object")
        tls = None if secured is None else secured.version()
        return of_connection(told("peername"), tls, secured=told("sslcontext") is not None)

    def release(self) -> asyncio.Transport:
        """Give the transport into other hands: nothing is read or written here any more."""
        self.state = State.CLOSED
        self.current = self._incoming = None
        self._gateway.connections.discard(self)
        self._gateway.untaken.let_go(self)
        del self._feed, self._parser
        return self.transport

    def abort(self) -> None:
        """End at once: an answer that began cannot be finished."""
        self.transport.abort()

    # what the gateway's sweep calls

    def expire(self, now: float) -> None:
        """Apply the deadlines."""
        limits = self._gateway.limits
        gateway, sent, judged = self._gateway, self._sent, self._taking.since
        if self._taking.is_late(self.transport, now, limits):
            if not sent.is_taken(self.transport, judged, now, limits):
                self.abort()
                return
        elif not self._since and self.state is State.LINGER:
            if sent.is_over(self.transport) and now - judged > limits.linger_s:
                self.abort()  # over TLS it may never say good-bye
            return
        if not self._since or not self._reading:
            return
        elapsed = now - self._since
        if self.state is State.LINGER:
            if elapsed > limits.linger_s:
                untaken = self.transport.get_write_buffer_size()
                (self.abort if untaken else self._end)()  # TLS says good-bye
        elif self._head_read:
            if elapsed > limits.header_deadline_s:
                self._refuse(408, "The request's head came too slowly.")
        elif self._incoming is not None:
            if elapsed > limits.body_rate_window_s:
                if self._body_read < limits.body_rate_min * elapsed:
                    self._refuse(408, SLOW_BODY)
                self._since, self._body_read = now, 1
        elif self.current is None and elapsed > (
            limits.drain_idle_s if gateway.draining else limits.idle_s
        ):
            if sent.is_taken(self.transport, self._since, now, limits):
                self._since = now
            else:
                self._close(linger=False)

    # inside

    def _advance(self) -> None:
        """Give the turn to what waits; a loop, because a handler may finish within ``begin``."""
        if self._advancing:
            return
        if self._taking.since:  # not before the client has taken what is there
            self._taking.judge(self.transport)
            return
        self._advancing = True
        while self.current is None and self._waiting and self.state in {State.OPEN, State.LAST}:
            self.current = following = self._waiting.popleft()
            if not self._waiting and self._problem is None:
                self._pause(yes=False)  # before it begins: it may hold its body back
            following.begin()
        self._advancing = False
        if self.state not in {State.OPEN, State.LAST}:
            return
        if self._problem is not None and self.current is None:
            self._answer_problem(*self._problem)
        elif self.state is State.LAST and self.current is None:
            self._close(linger=False)
        elif self.current is None and not self._waiting and self._problem is None:
            self._pause(yes=False)
            self._since = monotonic()

    def _pause(self, *, yes: bool) -> None:
        self._paused = yes
        self._steer()

    def _steer(self) -> None:
        """Read, or do not, as things are now."""
        yes = not (self._paused or self._lent)
        yes = yes and (not self._taking.since or self.state is State.LINGER)
        if yes is self._reading or self.state is State.CLOSED:
            return
        self._reading = yes
        if yes:
            self._since, self._body_read = monotonic() if self._since else 0.0, 1
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()

    def _passes_over_upgrade(self) -> bool:
        """Go on in HTTP behind a request that asked for something else; False if nothing follows.

        Behind CONNECT nothing does: what comes is for the tunnel, or for nobody.
        """
        self.chunk = b""
        upgrading, self._upgrading = self._upgrading, None
        if self.state is not State.OPEN or self._parser.get_method() == b"CONNECT":
            self._end_requests()
            return False
        if upgrading is not None:
            handler, head = upgrading
            self._parser = parser_behind(head, self)
            self._feed = self._parser.feed_data
            self._incoming = handler
            self._head_read, self._headers = 0, DROPPED
        return True

    def _bound_framing(self, fed: int, size: int) -> None:
        """Refuse a body that is nothing but framing for long (``size``: of it, so far)."""
        if self._body_read == 0 or self._framing is None:  # other requests may have come with it
            self._since, self._framing = monotonic(), Framing(size)
        elif self._framing.came(fed, size) > 2 * self._gateway.limits.header_bytes_max:
            self._refuse(400, "The body's chunk extensions or trailers are too long.")
        self._body_read += fed

    def _bound_head(self, fed: int) -> None:
        if self._head_read == 1:
            self._head_read = max(2, fed) if self._is_first else 2
        else:
            self._head_read += fed
        partial = heads.size(self._url, self._headers)
        problem = self._size_problem(max(partial, self._head_read))
        if problem is not None:
            self._refuse(*problem)

    def _size_problem(self, size: int) -> tuple[int, str] | None:
        limit = self._gateway.limits.header_bytes_max
        if size <= limit:
            return None
        if len(self._url) > limit // 2:  # RFC 9112 §3: a target that is too long has its own status
            return 414, "The request's target is too long."
        return 431, f"The request's head is above {limit} bytes."

    def _end_requests(self) -> None:
        if self.state is State.OPEN:
            self.state = State.LAST
            if self.current is None:
                self._close(linger=True)

    def _refuse(self, status: int, reason: str) -> None:
        """Answer what is not a request, once the answers owed before it are out."""
        if self.state is not State.OPEN:
            return  # what follows a request that closes is not looked at
        self.state = State.LAST
        self._pause(yes=True)
        broken, self._incoming = self._incoming, None
        if broken is not None:
            broken.gone()
            if broken is self.current:
                self.current = None
                if broken.answering:
                    self.abort()
                    return
            else:
                self._waiting.remove(broken)
        if self.current is None and not self._waiting:
            self._answer_problem(status, reason)
        else:
            self._problem = status, reason

    def _answer_problem(self, status: int, reason: str) -> None:
        head_only = bool(self._url) and self._parser.get_method() == b"HEAD"
        date = self._gateway.date
        self.transport.write(answers.refusal(status, reason, date, head_only=head_only))
        self._close(linger=True)

    def _close(self, *, linger: bool) -> None:
        """End after what was written; what was not read yet would turn the close into a reset."""
        if self.state in {State.LINGER, State.CLOSED}:
            return
        self.state = State.LINGER
        self._waiting.clear()
        if linger:
            self._since = monotonic()
            self._pause(yes=False)
            if self.transport.can_write_eof():  # TLS cannot: the client reads to the length
                self.transport.write_eof()
        else:
            self._end()

    def _end(self) -> None:
        self._since = 0.0
        self._taking.judge(self.transport)
        self.transport.close()
