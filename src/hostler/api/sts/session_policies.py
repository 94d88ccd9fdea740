"""Session policies, as AssumeRole takes them: one in the call, and managed ones by ARN.

Invariant: the documents go into the token as they are now: a session keeps its limits, whatever
becomes of the policies.
"""

from collections.abc import Mapping
from typing import Any

from hostler.api.iam.errors import validation
from hostler.domain.errors import CallerError
from hostler.domain.snapshot import Policy
from hostler.iam import document
from hostler.store import identities
from hostler.store.database import Transaction
from hostler.store.identities import policies

POLICIES_MAX = 10
CHARACTERS_MAX = 2_048
"""Of the policy in the call and the ARNs together."""
INLINE = "SessionPolicy"
"""The name that decisions give to the policy in the call."""


def of_call(tx: Transaction, params: Mapping[str, Any], account: str) -> tuple[Policy, ...] | None:
    """The session policies of a call on a role of ``account``; None where it has none."""
    inline = params.get("Policy")
    arns = [each["arn"] for each in params.get("PolicyArns", ()) if "arn" in each]
    if inline is None and not arns:
        return None
    if len(arns) > POLICIES_MAX:
        raise validation(f"PolicyArns: a session has {POLICIES_MAX} managed policies at most.")
    if len(inline or "") + sum(map(len, arns)) > CHARACTERS_MAX:
        raise validation(
            "Value at 'policy' failed to satisfy constraint: Member must have length less than or "
            f"equal to {CHARACTERS_MAX}, the ARNs of PolicyArns included"
        )
    found = [] if inline is None else [Policy(INLINE, inline)]
    if inline is not None:
        document.parse(inline)
    return (*found, *(_managed(tx, account, arn) for arn in arns))


def _managed(tx: Transaction, account: str, arn: str) -> Policy:
    if policies.get(tx, account, arn) is None:
        raise CallerError(
            "InvalidParameterValue",
            f"Policy {arn} does not exist or is not attachable.",
            status=400,
        )
    return identities.managed_policies(tx, [arn])[arn]
