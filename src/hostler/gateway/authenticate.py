"""Who calls, by the snapshot's credentials: ``aws.authenticate``, and the short way of moulds.

Invariant: the short way accepts only what the other would.
"""

from time import time
from typing import TYPE_CHECKING

from hostler.aws import sigv4
from hostler.aws.authenticate import authenticate, refuse_unknown
from hostler.aws.recurring import Recurring
from hostler.domain.errors import CallerError

if TYPE_CHECKING:
    from hostler.gateway.invocation import Invocation

SIGNING_NAME = "sagemaker"


def step(invocation: "Invocation") -> None:
    """Set the principal and the region of the signature's scope."""
    mould, claim = invocation.mould, invocation.claim
    if mould is None or claim is None:
        _whole(invocation)
        return
    recurring = mould.recurring
    stamp, signature, _ = claim
    known = invocation.gateway.credentials.get(recurring.access_key_id)
    if known is None:
        refuse_unknown(recurring.presented(stamp, signature), invocation.body_sha256, time())
    secret, invocation.principal = known
    invocation.region = recurring.region
    now = time()
    recurring.verify(stamp, signature, secret, invocation.body_sha256, now)
    invocation.gateway.used[recurring.access_key_id, recurring.region] = now


def _whole(invocation: "Invocation") -> None:
    """Verify what no mould fits; one may be cast of it then."""
    head = invocation.head
    presented = sigv4.present_in(head.shape.order, "POST", head.target, head.values)
    known, expires = invocation.gateway.credentials.get(presented.access_key_id), None
    if known is None and presented.session_token is not None:
        found = invocation.gateway.temporary.find(presented.access_key_id, presented.session_token)
        if found is not None:
            known, expires = (found[0].secret, found[1]), found[0].expires
    now = time()
    invocation.principal = authenticate(
        presented, known, invocation.body_sha256, now, expires=expires
    )
    if expires is None:
        invocation.gateway.used[presented.access_key_id, presented.region] = now
    if presented.service != SIGNING_NAME:
        raise CallerError(
            "InvalidSignatureException",
            f"Credential should be scoped to correct service: '{SIGNING_NAME}'.",
        )
    invocation.region = presented.region
    if invocation.connection.chunk:
        invocation.recurring = Recurring.of(presented)
