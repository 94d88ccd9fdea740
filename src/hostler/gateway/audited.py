"""What the audit log is told of invocations: whoever is refused.

Invariant: nothing is told, or worked out, of an invocation that passes.
"""

from time import time
from typing import TYPE_CHECKING

from hostler.audit.entry import Entry, decided, told
from hostler.aws import sigv4
from hostler.domain.errors import CallerError

if TYPE_CHECKING:
    from hostler.gateway.invocation import Invocation


def refused(invocation: "Invocation", failure: CallerError, request_id: str) -> Entry:
    """An invocation that was refused; one of nobody known is told to the installation."""
    gateway, head, caller = invocation.gateway, invocation.head, invocation.principal
    return Entry(
        service="sagemaker-runtime",
        operation=invocation.operation,
        request_id=request_id,
        at=time(),
        account=gateway.account if caller is None else caller.account,
        region=invocation.region or gateway.region,
        caller=caller,
        access_key_id=_key(invocation),
        sender=invocation.connection.sender(),
        agent=head.get("user-agent") or "",
        reads=True,
        is_data=True,
        params={"EndpointName": invocation.name},
        error=told(failure),
        judged=decided((), failure),
    )


def _key(invocation: "Invocation") -> str:
    """The access key that the request says it is of."""
    head = invocation.head
    try:
        return sigv4.present_in(head.shape.order, "POST", head.target, head.values).access_key_id
    except CallerError:
        return ""
