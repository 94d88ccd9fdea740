"""GetCallerIdentity.

Invariant: it needs no permission, even under a policy that denies everything.
https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
"""

from typing import Any

from hostler.api.registry import Call, Effect, Operation
from hostler.store.database import Transaction


def caller_identity(_tx: Transaction, call: Call) -> dict[str, Any]:
    principal = call.principal
    return {"UserId": principal.unique_id, "Account": principal.account, "Arn": principal.arn}


OPERATION = Operation(
    name="GetCallerIdentity",
    handler=caller_identity,
    access=lambda _call: (),
    effect=Effect.READS,
    members={},
)
