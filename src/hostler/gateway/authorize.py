"""Whether the caller may invoke this endpoint, by its identity policies.

Invariant: a refusal does not tell whether the endpoint exists. A decision that looked at the time,
the sender's address or anything else of the request itself is made again for the next one.
"""

from time import time
from typing import TYPE_CHECKING

from hostler.domain.ids import sagemaker_arn
from hostler.iam import context
from hostler.iam.evaluate import refusal

if TYPE_CHECKING:
    from hostler.domain.snapshot import Principal
    from hostler.gateway.invocation import Invocation
    from hostler.iam.context import Context

ACTION = "sagemaker:InvokeEndpoint"


def step(invocation: "Invocation") -> None:
    """Refuse with AccessDeniedException unless a policy allows it."""
    principal = invocation.principal
    assert principal is not None
    if principal.is_root:
        return
    gateway = invocation.gateway
    key = (principal.known_as, invocation.region, invocation.name)
    if key in gateway.allowed:
        return
    arn = sagemaker_arn(invocation.region, principal.account, "endpoint", invocation.name)
    decision = gateway.engine.decide(principal, ACTION, arn, _context(invocation, principal))
    if not decision.allowed:
        raise refusal(principal.arn, ACTION, arn, decision)
    if decision.cacheable:
        gateway.remember_allowed(key)
    else:
        invocation.is_like_others = False


def _context(invocation: "Invocation", principal: "Principal") -> "Context":
    """The condition keys of the request, as far as the gateway sees them."""
    get = invocation.head.get
    return {
        "aws:RequestedRegion": invocation.region,
        "aws:ResourceAccount": principal.account,
        "sagemaker:TargetModel": context.ABSENT,  # ``features`` has refused what names one
        **context.of_request(
            invocation.connection.sender(),
            agent=get("user-agent"),
            referer=get("referer"),
        ),
        **context.times(time()),
        **_tags(invocation, principal),
    }


def _tags(invocation: "Invocation", principal: "Principal") -> "Context":
    """Those of an endpoint that does not answer are not known here."""
    found = invocation.gateway.routes.find(principal.account, invocation.region, invocation.name)
    if found is None:
        return context.NO_CONTEXT
    return {
        **context.tags("aws:ResourceTag", found.tags.items()),
        **context.tags("sagemaker:ResourceTag", found.tags.items()),
    }
