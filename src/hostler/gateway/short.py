"""The chain in one step, for a request like one before but for its time, signature and body.

Who it is, what it asks for and where that goes follow from the rest of the head and the snapshot,
and are kept with the mould until the next snapshot. The signature is verified each time.

Invariant: whatever passes here would have passed the chain's steps, with the same outcome; what was
kept under another snapshot is not used.
"""

from time import time
from typing import TYPE_CHECKING, NamedTuple

from hostler.gateway import admit, forward

if TYPE_CHECKING:
    from hostler.domain.snapshot import Principal
    from hostler.gateway.gateway import KeyInRegion
    from hostler.gateway.invocation import Invocation
    from hostler.gateway.mould import Claim, Mould
    from hostler.gateway.route import Choice, Endpoint, Variant


class Way(NamedTuple):
    """Where the requests of a mould go, and the secret they are signed with."""

    epoch: int
    """Of the gateway's knowledge; another one's is not used."""
    secret: str
    principal: "Principal"
    endpoint: "Endpoint"
    variant: "Variant | None"
    """The only one, the one they ask for, or their header's; None where weights decide."""
    choice: "Choice"
    """Among which they do."""
    key: "KeyInRegion"


def remember(invocation: "Invocation") -> None:
    """Keep the way that the chain has found for a mould."""
    mould, endpoint = invocation.mould, invocation.endpoint
    if mould is None or endpoint is None or not invocation.is_like_others:
        return
    gateway = invocation.gateway
    secret, principal = gateway.credentials[mould.recurring.access_key_id]
    head, sticky = mould.head, endpoint.sticky
    position = head.shape.asked.target_variant
    stuck = sticky.chosen(head) if sticky is not None and position < 0 else None
    name = head.values[position] if position >= 0 else stuck
    choice = endpoint if name is None else endpoint.by_name[name]
    variant = choice.variants[0] if len(choice.variants) == 1 else None
    key = mould.recurring.access_key_id, mould.recurring.region
    mould.way = Way(gateway.epoch, secret, principal, endpoint, variant, choice, key)


def step(invocation: "Invocation", mould: "Mould", way: Way, claim: "Claim") -> None:
    """Verify the signature, pick the variant, and send to an instance or wait in line."""
    _, secret, invocation.principal, invocation.endpoint, variant, choice, key = way
    recurring, now = mould.recurring, time()
    recurring.verify(claim[0], claim[1], secret, invocation.body_sha256, now)
    invocation.gateway.used[key] = now
    invocation.region = recurring.region
    if variant is None:
        variant = choice.pick()
    invocation.variant = variant
    pool = variant.pool
    admit.enter(invocation)
    link = None if len(pool.waiting) > pool.pinned_waiting else pool.acquire()
    if link is None:
        admit.wait(invocation, pool)
    else:
        forward.send(invocation, link)
