"""The condition keys that only operations of IAM have, as a request gives them.

Invariant: an operation has a key only where AWS lists it: elsewhere the key is absent on AWS, and
here it is not known.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
"""

from hostler.api.registry import Call
from hostler.iam.context import ABSENT, Context

POLICY_ARN = "iam:PolicyARN"
BOUNDARY = "iam:PermissionsBoundary"

_ATTACHING = ("Attach", "Detach")
_BOUNDED = frozenset(
    {
        "AttachRolePolicy",
        "AttachUserPolicy",
        "CreateRole",
        "CreateUser",
        "DeleteRole",
        "DeleteRolePolicy",
        "DeleteUserPolicy",
        "DetachRolePolicy",
        "DetachUserPolicy",
        "GetRole",
        "PutRolePolicy",
        "PutUserPolicy",
        "UpdateAssumeRolePolicy",
        "UpdateRole",
        "UpdateRoleDescription",
    }
)
"""Those that a condition on the entity's boundary may limit; nothing has a boundary here."""


def own_keys(call: Call) -> Context:
    """The keys of a call's operation, beside tags."""
    found: dict[str, str | tuple[str, ...]] = {}
    if call.operation.startswith(_ATTACHING):
        found[POLICY_ARN] = call.params["PolicyArn"]
    if call.operation in _BOUNDED:
        found[BOUNDARY] = tuple(ABSENT)
    return found
