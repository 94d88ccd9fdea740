"""Whether the caller may: every permission that an operation names, by the caller's policies.

Invariant: all are needed, and the first that is missing is named in the refusal.
"""

from collections.abc import Iterable

from hostler.api.registry import Access
from hostler.domain.errors import CallerError
from hostler.domain.snapshot import Principal
from hostler.iam.evaluate import PolicyEngine, refusal


def authorize(engine: PolicyEngine, principal: Principal, needed: Iterable[Access]) -> None:
    """Raise AccessDeniedException unless the caller's policies allow everything needed."""
    for access in needed:
        decision = engine.decide(principal, access.action, access.resource, access.context)
        if not decision.allowed:
            raise refusal(principal.arn, access.action, access.resource, decision)


def in_words_of(protocol: str, error: CallerError) -> CallerError:
    """The query services and S3 call the same refusal AccessDenied."""
    if error.code == "AccessDeniedException" and protocol in ("query", "rest-xml"):
        return CallerError("AccessDenied", error.message, members=error.members, status=403)
    return error
