"""GetSessionToken: temporary credentials of the user or root that calls, as itself.

Invariant: a session makes no other of its kind.
https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
"""

from typing import Any

from hostler.api.iam.errors import validation
from hostler.api.members import ACTS
from hostler.api.registry import Call, Effect, Operation
from hostler.api.sts import issue
from hostler.domain.errors import access_denied
from hostler.store.database import Transaction

DURATION_S = 43_200
ROOT_DURATION_S_MAX = 3_600


def session_token(tx: Transaction, call: Call) -> dict[str, Any]:
    caller = call.principal
    if caller.session is not None:
        raise access_denied("Cannot call GetSessionToken with session credentials")
    duration_s = call.params.get("DurationSeconds")
    if caller.is_root:
        if duration_s is not None and duration_s > ROOT_DURATION_S_MAX:
            raise validation(
                "The requested DurationSeconds exceeds the 1 hour session limit for the root user."
            )
        duration_s = duration_s or ROOT_DURATION_S_MAX
    grant = issue.new_grant(caller.unique_id, call.now, duration_s or DURATION_S)
    return {"Credentials": issue.credentials(tx, grant)}


OPERATION = Operation(
    name="GetSessionToken",
    handler=session_token,
    access=lambda _call: (),
    effect=Effect.READS,
    members={"DurationSeconds": ACTS, **issue.REFUSED},
)
