"""One InvokeEndpoint request, from its head to its answer.

Invariant: it is answered once. ``done`` is set with the answer, or when the client is gone, and
whatever arrives for it afterwards is dropped.
"""

from hashlib import sha256
from time import monotonic_ns
from typing import TYPE_CHECKING

from hostler.aws.digests import SHORT_MAX, short_sha256
from hostler.domain.errors import REFUSALS, CallerError
from hostler.gateway import answers, chain, features, forward
from hostler.gateway import session as sessions
from hostler.gateway.audited import refused
from hostler.gateway.turns import PIECE_MIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from hostler.aws.recurring import Recurring
    from hostler.domain.snapshot import Principal
    from hostler.gateway.budget import Budget
    from hostler.gateway.gateway import Gateway
    from hostler.gateway.hashing import BodyHash
    from hostler.gateway.head import Head
    from hostler.gateway.link import Link
    from hostler.gateway.mould import Claim, Mould
    from hostler.gateway.protocol import HttpConnection
    from hostler.gateway.route import Endpoint, Variant
    from hostler.gateway.serverless import ServerlessPool
    from hostler.gateway.session import Session
    from hostler.gateway.target import Target

VALIDATION = "ValidationError"
JOIN_MAX = 64 * 1024
"""Answers below this are written as one piece; above, the body is not copied."""


class Invocation:
    """A request to ``POST /endpoints/{name}/invocations`` and its way through the chain."""

    # Defaults stand on the class: an invocation only stores what it changes.
    keep_alive = True
    answering = False
    done = False
    operation = features.INVOKE
    size = 0
    body_sha256 = ""
    meta = b""
    """What the model server is told of the head; NUL-joined ``frames.REQUEST_META``."""
    mould: "Mould | None" = None
    claim: "Claim | None" = None
    recurring: "Recurring | None" = None
    """Of a request for which a mould may be cast."""
    started_ns = 0
    """Monotonic; when the request had been read."""
    sent_ns = 0
    deadline_ns = 0
    principal: "Principal | None" = None
    region = ""
    is_like_others = True
    """Whether what was decided of it holds for others of its mould."""
    endpoint: "Endpoint | None" = None
    variant: "Variant | None" = None
    session: "Session | None" = None
    pinned: "Target | None" = None
    """The only instance that may answer it: its session's."""
    link: "Link | None" = None
    link_id = 0
    attempts = 0
    held: "tuple[Callable[[], object], ...]" = ()
    """What is given back when it ends: its places among its account's, its endpoint's."""
    is_counted = False
    """Whether it was counted among its account's, where these are limited."""
    seat: "ServerlessPool | None" = None
    """The serverless variant among whose concurrent requests it is."""
    retried = False
    """Whether it was sent again after it was lost."""
    _has_no_room = False
    """Whether the body waits unread for room to hold it."""
    _leaving = 0
    """On how many connections its body is on its way though its answer is not awaited there."""
    _yields = False
    """Whether the rest of the body waits for its turn."""
    _begun = False
    _complete = False
    _budget: "Budget | None" = None
    """Where its body has room, or waits for it."""
    _hasher: "BodyHash | None" = None

    def __init__(
        self,
        gateway: "Gateway",
        connection: "HttpConnection",
        head: "Head",
        name: str,
    ) -> None:
        self.gateway = gateway
        self.connection = connection
        self.head = head
        self.name = name
        """The endpoint's name as the path gives it."""
        self.pieces: list[bytes] = []

    def start(self, mould: "Mould", claim: "Claim") -> None:
        """The request arrived in one piece, and its head fits a mould."""
        self.mould = mould
        self.meta = mould.meta
        self.claim = claim
        body = claim[2]
        self.pieces = [body]
        self.size = size = len(body)
        gateway, way = self.gateway, mould.way
        self.started_ns = now_ns = monotonic_ns()
        self.deadline_ns = now_ns + gateway.invocation_ns
        self.body_sha256 = (sha256 if size > SHORT_MAX else short_sha256)(body).hexdigest()
        if way is not None and way.epoch == gateway.epoch:
            chain.run_short(self, mould, way, claim)
        else:
            chain.run(self)

    # the protocol's Handler

    def begin(self) -> None:
        self._begun = True
        if self._refused_by_length():
            return
        if self._complete:
            self._read()
        elif self._reserve():
            self._expect()
        else:
            self._has_no_room = True
            self.connection.hold(self, yes=True)

    def body(self, piece: bytes) -> None:
        if self.done:
            return
        self.size += len(piece)
        limits = self.gateway.limits
        if self.size > limits.body_bytes_max:
            self.refuse(self._too_long())
            return
        # Before it has begun, it is not its turn at all.
        if len(piece) >= PIECE_MIN and self._begun and not self._yields:
            self._yields = True
            self.connection.hold(self, yes=True)
            self.gateway.turns.wait(self._go_on)
        self.pieces.append(piece)
        if self._hasher is not None:
            self._hasher(piece)
        elif self.size > limits.hash_inline_bytes_max:
            self._hasher = self.gateway.hasher.start(self.pieces, self._digested)

    def _go_on(self) -> None:
        self._yields = False
        if not self.done and not self._has_no_room:
            self.connection.hold(self, yes=False)

    def complete(self) -> None:
        self._complete = True
        if self._begun and not self.done:
            if self._budget is not None:
                self._budget.shrink(self, self.size)
            self._read()

    def gone(self) -> None:
        if not self.done:
            if self.link is not None:
                self.link.abandon(self.link_id)
            self._end()
            self._leave()
            if self.variant is not None:
                self.variant.counters.left()

    def writable(self, *, yes: bool) -> None:
        """Nothing to hold back: there is one answer, and it is whole."""

    # what becomes of its room (``budget.Holder``)

    def granted(self) -> None:
        self._has_no_room = False
        if not self._complete:  # else all of it had come with its head
            self._expect()
            self.connection.hold(self, yes=self._yields)

    def not_granted(self) -> None:
        if not self._complete:  # else it is under way already
            self.refuse(
                answers.SheddingError(
                    "ServiceUnavailable",
                    "The gateway holds as many large requests as it may (bodies_megabytes of "
                    "[gateway]); try again later.",
                    1,
                )
            )

    def is_slow(self) -> None:
        if not self._complete:
            self.connection.refuse_slow_body()

    def keep(self) -> None:
        self._leaving += 1

    def has_left(self) -> None:
        self._leaving -= 1
        if self.done and not self._leaving and self._budget is not None:
            self._budget.give_back(self)

    # what becomes of it (``request.Request``); no layer of calls between

    reply = forward.reply
    reply_begin = forward.begin
    reply_end = forward.end
    given_back = forward.again
    lost_untaken = forward.retry
    lost = forward.instance_lost

    def unpinned(self) -> None:
        head = self.head
        self.refuse(sessions.gone(head.values[head.shape.asked.session]))

    # answering

    def answer(self, head: bytes, body: bytes) -> None:
        """Write the model's answer; ``head`` lacks only what every answer ends with."""
        if self.done:
            return
        self._end()
        connection, gateway, size = self.connection, self.gateway, len(body)
        pieces = (
            head,
            answers.length_line(size),
            next(gateway.request_ids.lines),
            gateway.date,
            answers.CLOSING if connection.closes(self) else answers.END,
            body,
        )
        if size > JOIN_MAX:
            connection.transport.writelines(pieces)
        else:
            connection.transport.write(b"".join(pieces))
        connection.finished(self)

    def answer_begin(self, head: bytes, size: int) -> None:
        """Write the head of an answer of so many bytes; ``reply_more`` has them."""
        self.answering = True
        self.pieces = []
        self.connection.transport.writelines((head, *self._last_lines(size)))

    def reply_more(self, piece: bytes) -> None:
        """Write more of the answer that was begun."""
        self.connection.transport.write(piece)
        self.gateway.untaken.grew(self.connection)

    def answer_end(self) -> None:
        """The answer that was begun is written whole."""
        self._end()
        self.connection.finished(self)

    def _last_lines(self, size: int) -> tuple[bytes, bytes, bytes, bytes]:
        """What every answer's head ends with."""
        gateway = self.gateway
        return (
            answers.length_line(size),
            next(gateway.request_ids.lines),
            gateway.date,
            answers.CLOSING if self.connection.closes(self) else answers.END,
        )

    def refuse(self, failure: CallerError) -> None:
        """Write the answer of an error that no instance made."""
        if not self.done:
            self._leave()
            if self.variant is not None:
                self.variant.counters.refused(failure)
            self.fail(failure)

    def fail(self, failure: CallerError) -> None:
        """Write an error's answer; one that was begun cannot be taken back, and is cut off."""
        if self.done:
            return
        self._end()
        connection = self.connection
        if self.answering:
            connection.abort()
            return
        request_id = self.gateway.request_ids.new()
        if failure.code in REFUSALS:
            self.gateway.journal.add(refused(self, failure, request_id.decode()))
        data = answers.error(
            failure,
            request_id,
            self.gateway.date,
            close=connection.closes(self),
        )
        connection.transport.write(data)
        connection.finished(self)

    # inside

    def _end(self) -> None:
        self.done = True
        self.pieces = []
        if self._hasher is not None:
            self._hasher.drop()
        if self._budget is not None and not self._leaving:
            self._budget.give_back(self)
        gateway = self.gateway
        gateway.active.pop(self, None)
        if self.held:
            for give_back in self.held:
                give_back()

    def _leave(self) -> None:
        if self.variant is not None:
            self.variant.pool.leave(self)

    def _read(self) -> None:
        """The whole request is here."""
        self.started_ns = now_ns = monotonic_ns()
        self.deadline_ns = now_ns + self.gateway.invocation_ns
        if self._hasher is not None:
            self.gateway.hasher.finish(self._hasher)
            return
        pieces = self.pieces
        if len(pieces) > 1:
            self.pieces = pieces = [b"".join(pieces)]
        self.body_sha256 = sha256(pieces[0] if pieces else b"").hexdigest()
        chain.run(self)

    def _digested(self, body_sha256: str) -> None:
        if not self.done:
            self.body_sha256 = body_sha256
            chain.run(self)

    def _reserve(self) -> bool:
        """Ask for room for a body that is not small; False while there is none."""
        length = self.head.get("content-length")
        size = self.gateway.limits.body_bytes_max if length is None else int(length)
        self._budget = budget = self.gateway.bodies.of(size)
        return budget is None or budget.ask(size, self)

    def _expect(self) -> None:
        head = self.head
        if head.expects_continue() and head.has_body():
            self.connection.transport.write(answers.CONTINUE)

    def _refused_by_length(self) -> bool:
        head = self.head
        length = head.get("content-length")
        if length is None:
            if head.get("transfer-encoding") or self.operation != features.INVOKE:
                return False
            self.refuse(
                CallerError(
                    VALIDATION,
                    "1 validation error detected: Value at 'body' failed to satisfy constraint: "
                    "Member must not be null",
                )
            )
            return True
        if int(length) > self.gateway.limits.body_bytes_max:
            self.refuse(self._too_long())
            return True
        return False

    def _too_long(self) -> CallerError:
        return CallerError(
            VALIDATION,
            "1 validation error detected: Value at 'body' failed to satisfy constraint: Member "
            f"must have length less than or equal to {self.gateway.limits.body_bytes_max}",
        )
