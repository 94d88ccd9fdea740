"""The condition keys that only operations of IAM have, as a request gives them.

Invariant: an operation has a key only where AWS lists it: elsewhere the key is absent on AWS, and
here it is not known.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
"""

from hostler.api.registry import Call
from hostler.iam.context import ABSENT, Context
from hostler.store.identities import Identity

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
        "DeleteRolePermissionsBoundary",
        "DeleteRolePolicy",
        "DeleteUserPermissionsBoundary",
        "DeleteUserPolicy",
        "DetachRolePolicy",
        "DetachUserPolicy",
        "GetRole",
        "PutRolePermissionsBoundary",
        "PutRolePolicy",
        "PutUserPermissionsBoundary",
        "PutUserPolicy",
        "UpdateAssumeRolePolicy",
        "UpdateRole",
        "UpdateRoleDescription",
    }
)
"""Those that a condition on the entity's boundary may limit."""


def own_keys(call: Call, entity: Identity | None = None) -> Context:
    """The keys of a call's operation on an entity, beside tags."""
    found: dict[str, str | tuple[str, ...]] = {}
    if call.operation.startswith(_ATTACHING):
        found[POLICY_ARN] = call.params["PolicyArn"]
    if call.operation in _BOUNDED:
        told = call.params.get("PermissionsBoundary")  # which the entity is to have
        boundary = entity.boundary if told is None and entity is not None else told
        found[BOUNDARY] = tuple(ABSENT) if boundary is None else boundary
    return found
