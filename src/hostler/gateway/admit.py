"""Hands an invocation to the least busy instance, or queues it, or refuses it.

Invariant: what waits is bounded in number and in bytes for each variant, and leaves in order.
"""

from typing import TYPE_CHECKING

from hostler.gateway import forward
from hostler.gateway.answers import SheddingError

if TYPE_CHECKING:
    from hostler.gateway.invocation import Invocation
    from hostler.gateway.target import Pool


def step(invocation: "Invocation") -> None:
    """Send now when an instance has room, else wait in line."""
    variant = invocation.variant
    assert variant is not None
    pool = variant.pool
    invocation.gateway.active[invocation] = None
    link = None if pool.waiting else pool.acquire()
    if link is not None:
        forward.send(invocation, link)
    else:
        wait(invocation, pool)


def wait(invocation: "Invocation", pool: "Pool", *, first: bool = False) -> None:
    """Join the line (its head, for one that was sent in vain); raises SheddingError when full."""
    gateway = invocation.gateway
    limits = gateway.limits
    if not first and (
        len(pool.waiting) >= limits.queue_max
        or pool.waiting_bytes + invocation.size > limits.queue_bytes_max
        or gateway.in_flight > limits.in_flight_max  # this one is among them
    ):
        raise SheddingError(
            "ThrottlingException",
            f"Endpoint {invocation.name} has more requests than its instances can take; "
            "try again later.",
            1,
        )
    pool.enqueue(invocation, first=first)
