"""Hands an invocation to the least busy instance, or queues it, or refuses it.

Invariant: what waits is bounded for each variant in number, in bytes and in the time it will
probably wait, and leaves in order; who is refused learns it at once.
"""

from functools import partial
from typing import TYPE_CHECKING

from hostler.gateway import forward
from hostler.gateway.answers import SheddingError

if TYPE_CHECKING:
    from hostler.gateway.invocation import Invocation
    from hostler.gateway.pool import Pool


def step(invocation: "Invocation") -> None:
    """Send now when an instance has room, else wait in line."""
    variant = invocation.variant
    assert variant is not None
    pool = variant.pool
    enter(invocation)
    others = len(pool.waiting)
    if invocation.pinned is None:
        others -= pool.pinned_waiting  # they wait for another than it does
    link = None if others else pool.place(invocation)
    if link is not None:
        forward.send(invocation, link)
    else:
        wait(invocation, pool)


def enter(invocation: "Invocation") -> None:
    """Count it as begun; raises SheddingError where its account has too many."""
    gateway = invocation.gateway
    limit = gateway.limits.account_in_flight_max
    if limit and not invocation.is_counted:  # one that is routed again was counted before
        principal = invocation.principal
        assert principal is not None
        placed = gateway.counts.place(f"account {principal.account}")
        if placed is not None:
            counts, row = placed
            if not counts.admit(row, limit):
                raise SheddingError(
                    "ThrottlingException",
                    f"Rate exceeded: account {principal.account} has {limit} invocations in "
                    "flight already; try again later.",
                    1,
                )
            invocation.is_counted = True
            invocation.held += (partial(counts.add, row, -1),)
    gateway.active[invocation] = None


def wait(invocation: "Invocation", pool: "Pool[Invocation]", *, first: bool = False) -> None:
    """Join the line (its head, for one that was sent in vain); raises SheddingError for no room."""
    if not first and not pool.bounds_itself:
        gateway, length = invocation.gateway, len(pool.waiting)
        limits = gateway.limits
        if (
            length >= limits.queue_max
            or pool.waiting_bytes + invocation.size > limits.queue_bytes_max
            or gateway.in_flight > limits.in_flight_max  # this one is among them
        ):
            raise _refusal(invocation, "has more requests than its instances can take")
        if pool.is_long(invocation.pinned):
            raise _refusal(
                invocation, "has more requests than its instances can answer in good time"
            )
    pool.enqueue(invocation, first=first)
    if pool.pinned_waiting:  # the line may be theirs alone, for an instance that has no room
        pool.pump()


def _refusal(invocation: "Invocation", why: str) -> SheddingError:
    """AWS's error for an overload, which SDKs try again."""
    return SheddingError(
        "ServiceUnavailable", f"Endpoint {invocation.name} {why}; try again later.", 1
    )
