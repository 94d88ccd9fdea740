"""To an instance and back: sends invocations, and turns what came of them into answers.

Invariant: an invocation is sent again only while no instance has taken it, after a loss only once,
and a model's failure is a ModelError (424), never a 5xx: boto would run the model again.
"""

from time import monotonic_ns
from typing import TYPE_CHECKING

from hostler.domain.errors import CallerError
from hostler.domain.ids import endpoint_log_group, log_group_arn
from hostler.gateway import answers
from hostler.gateway import session as sessions

if TYPE_CHECKING:
    from hostler.gateway.invocation import Invocation
    from hostler.gateway.link import Link
    from hostler.gateway.request import Request
    from hostler.gateway.route import Variant
    from hostler.gateway.target import Target

ORIGINAL_MESSAGE_MAX = 8192
"""Characters of a failed model's answer that are told."""

TOO_LONG = (502, b"\0\0\0the answer is above the limit")
"""Status and meta of what stands for an answer that was cut off."""

TIMEOUT_TEXT = (
    "Your invocation timed out while waiting for a response from container {container}. Review the "
    "latency metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
)

_NEW_SESSION = b"X-Amzn-SageMaker-New-Session-Id: %b\r\n"
_CLOSED_SESSION = b"X-Amzn-SageMaker-Closed-Session-Id: %b\r\n"
_META_CACHE_MAX = 1024
_answer_lines: dict[bytes, bytes | None] = {}


def send(invocation: "Request", link: "Link") -> None:
    """Send to a worker that has room."""
    invocation.attempts += 1
    invocation.link = link
    invocation.sent_ns = now_ns = monotonic_ns()
    left_ms = (invocation.deadline_ns - now_ns) // 1_000_000
    invocation.link_id = link.send(invocation, left_ms if left_ms > 0 else 1)


def reply(invocation: "Invocation", status: int, meta: bytes, body: bytes) -> None:
    """A worker's answer, whole; a defect in passing it on ends this client's connection alone."""
    if invocation.done:
        return
    try:
        variant = _count(invocation, status)
        pieces = invocation.pieces  # the answer's end lets go of them
        if 200 <= status < 300:
            lines = _answer_lines.get(meta)
            if lines is None or invocation.session is not None:
                lines = _lines_for(invocation, meta)
            if lines is None:
                model_failed(invocation, 500, "The model's answer has a malformed header.")
            else:
                invocation.answer(variant.head + lines, body)
        else:
            model_failed(invocation, status, body.decode("utf-8", "replace") or _error_of(meta))
        if variant.mirror is not None:
            variant.mirror.after(invocation, pieces, status, meta, body)
    except Exception as defect:  # noqa: BLE001 - the gateway's boundary: one request, not the process
        _cut_off(invocation, defect)


def begin(invocation: "Invocation", status: int, meta: bytes, size: int) -> bool:
    """Begin the answer to a caller before all of it is here; False for what must be known whole."""
    if invocation.done or not 200 <= status < 300:
        return False
    try:
        lines = _lines_for(invocation, meta)
        if lines is None:
            return False
        assert invocation.variant is not None
        invocation.answer_begin(invocation.variant.head + lines, size)
    except Exception as defect:  # noqa: BLE001 - the boundary again
        _cut_off(invocation, defect)
    return True


def end(invocation: "Invocation", status: int) -> None:
    """All of a large answer was passed on."""
    if invocation.done:
        return
    try:
        variant = _count(invocation, status)
        invocation.answer_end()
        if variant.mirror is not None:
            variant.mirror.after_large()
    except Exception as defect:  # noqa: BLE001 - the boundary again
        _cut_off(invocation, defect)


def _cut_off(invocation: "Invocation", defect: Exception) -> None:
    """End the connection of the one whom a defect of ours concerns."""
    invocation.gateway.defect("while answering", defect)
    invocation.connection.abort()


def _count(invocation: "Invocation", status: int) -> "Variant":
    variant, sent_ns = invocation.variant, invocation.sent_ns
    assert variant is not None
    variant.counters.answered(
        status, (monotonic_ns() - sent_ns) // 1000, (sent_ns - invocation.started_ns) // 1000
    )
    return variant


def _lines_for(invocation: "Invocation", meta: bytes) -> bytes | None:
    """The header lines of a successful answer; None if a value may not stand in a head."""
    lines = _answer_lines.get(meta)
    if lines is None:
        lines = _lines(meta)
    if lines is not None and invocation.session is not None:
        lines = _with_session(invocation, lines, meta)
    return lines


def again(invocation: "Invocation") -> None:
    """An instance that ends gave it back: another one gets it."""
    if invocation.done:
        return
    invocation.link = None
    if invocation.answering or invocation.attempts >= invocation.gateway.limits.sends_max:
        _give_up(invocation)
    else:
        _resend(invocation)


def retry(invocation: "Invocation", lost: "Link") -> None:
    """It was lost on its way to an instance that had not taken it: once more, elsewhere.

    Once, and only as far as the variant's budget goes: who fails under load is not given more.
    """
    if invocation.done:
        return
    variant = invocation.variant
    assert variant is not None
    invocation.link = None
    pool = variant.pool
    # The page says who had taken it, and the model's code can write there.
    if invocation.answering or invocation.retried or not pool.retries.take(pool.sent()):
        _give_up(invocation)
    else:
        invocation.retried = True
        _resend(invocation, avoid=lost.target)


def _resend(invocation: "Invocation", *, avoid: "Target | None" = None) -> None:
    """To an instance, or to the head of the line."""
    variant = invocation.variant
    assert variant is not None
    pinned = invocation.pinned
    if pinned is not None and pinned.retired:
        invocation.unpinned()
    elif monotonic_ns() >= invocation.deadline_ns:
        _give_up(invocation)
    elif (link := variant.pool.place(invocation, avoid=avoid)) is not None:
        send(invocation, link)
    else:
        variant.pool.enqueue(invocation, first=True)


def _give_up(invocation: "Invocation") -> None:
    invocation.refuse(
        answers.SheddingError(
            "ServiceUnavailable",
            f"No instance of endpoint {invocation.name} could take the request; try again.",
            1,
        )
    )


def instance_lost(invocation: "Invocation", why: str) -> None:
    """The instance ended after it had taken the request; ``why`` in one line, "" if unknown."""
    if not invocation.done and invocation.variant is not None:
        invocation.variant.counters.answered(500, model_us=0, overhead_us=0)
        model_failed(
            invocation,
            0,
            "The model server ended while it was computing the answer to this request"
            + (f": {why}." if why else "."),
        )


def timed_out(invocation: "Invocation") -> None:
    """The deadline has passed."""
    link, invocation.link = invocation.link, None
    variant = invocation.variant
    assert variant is not None
    if link is None:
        invocation.refuse(variant.pool.too_late(invocation))
        return
    link.abandon(invocation.link_id)
    waited_us = (monotonic_ns() - invocation.sent_ns) // 1000
    variant.counters.answered(500, model_us=waited_us, overhead_us=0)
    model_failed(invocation, 0, TIMEOUT_TEXT.format(container=variant.container))


def model_failed(invocation: "Invocation", status: int, text: str) -> None:
    """Answer with ModelError, in AWS's words."""
    endpoint, variant, link = invocation.endpoint, invocation.variant, invocation.link
    assert endpoint is not None
    assert variant is not None
    group = endpoint_log_group(endpoint.name)
    kind = "client" if 400 <= status < 500 else "server"
    text = text[:ORIGINAL_MESSAGE_MAX]
    message = (
        f'Received {kind} error ({status}) from {variant.container} with message "{text}". '
        f"See the log group {group} (hostler logs {endpoint.name}) "
        f"in account {endpoint.account} for more information."
    )
    arn: str = log_group_arn(endpoint.region, endpoint.account, group)
    if link is not None:
        arn = f"{arn}:log-stream:{variant.name}/{link.target.instance_id}"
    invocation.fail(
        CallerError(
            "ModelError",
            message,
            members={
                "OriginalStatusCode": status,
                "OriginalMessage": text,
                "LogStreamArn": arn,
            },
        )
    )


def _lines(meta: bytes) -> bytes | None:
    """The header lines of an answer's meta; None if a value may not stand in a head."""
    content_type, custom_attributes, *_ = [*meta.split(b"\0"), b"", b""]
    if not answers.is_header_value(content_type + custom_attributes):
        return None
    lines = b""
    if content_type:
        lines += b"Content-Type: %b\r\n" % content_type
    if custom_attributes:
        lines += b"X-Amzn-SageMaker-Custom-Attributes: %b\r\n" % custom_attributes
    if len(_answer_lines) >= _META_CACHE_MAX:
        _answer_lines.clear()
    _answer_lines[meta] = lines
    return lines


def _with_session(invocation: "Invocation", lines: bytes, meta: bytes) -> bytes | None:
    """What the model says of its session added, as the caller is told it; None for no name."""
    session, link = invocation.session, invocation.link
    assert session is not None
    assert link is not None
    fields = [*meta.decode("latin-1").split("\0"), *[""] * 5]
    told, closed = fields[2], fields[4]
    if session.own == sessions.NEW:
        if not told:
            return lines
        begun = sessions.begun(told, link.target.instance_id)
        return None if begun is None else lines + _NEW_SESSION % begun.encode()
    if closed:
        head = invocation.head
        return lines + _CLOSED_SESSION % head.values[head.shape.asked.session].encode()
    return lines


def _error_of(meta: bytes) -> str:
    fields = meta.split(b"\0")
    return fields[3].decode("latin-1") if len(fields) > 3 else ""
