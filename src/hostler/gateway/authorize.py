"""Whether the caller may invoke this endpoint, by its identity policies.

Invariant: decided before the endpoint is looked up, so a refusal does not tell whether it exists.
"""

from typing import TYPE_CHECKING

from hostler.domain.ids import sagemaker_arn
from hostler.iam.evaluate import refusal

if TYPE_CHECKING:
    from hostler.gateway.invocation import Invocation

ACTION = "sagemaker:InvokeEndpoint"


def step(invocation: "Invocation") -> None:
    """Refuse with AccessDeniedException unless a policy allows it."""
    principal = invocation.principal
    assert principal is not None
    if principal.is_root:
        return
    gateway = invocation.gateway
    key = (principal.arn, invocation.region, invocation.name)
    if key in gateway.allowed:
        return
    arn = sagemaker_arn(invocation.region, principal.account, "endpoint", invocation.name)
    decision = gateway.engine.decide(principal, ACTION, arn, {})
    if not decision.allowed:
        raise refusal(principal.arn, ACTION, arn, decision)
    gateway.remember_allowed(key)
