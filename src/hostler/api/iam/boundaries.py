"""Permissions boundaries of users and roles: a managed policy that limits what the others allow.

Invariant: a policy that is somebody's boundary exists, and cannot be deleted.
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
"""

from hostler.api.iam import lookup
from hostler.api.iam.errors import no_such_entity
from hostler.api.iam.inline_policies import Finder
from hostler.api.iam.operation import on_role, on_user
from hostler.api.registry import Call, Effect, Handler, Operation
from hostler.store.database import Transaction
from hostler.store.identities import entities, policies


def given(tx: Transaction, call: Call) -> str | None:
    """The ARN of the call's PermissionsBoundary."""
    arn: str | None = call.params.get("PermissionsBoundary")
    if arn is not None and policies.get(tx, call.account, arn) is None:
        raise no_such_entity(f"Scope ARN: {arn} does not exist or is not attachable.")
    return arn


def _put(find: Finder) -> Handler:
    def put(tx: Transaction, call: Call) -> None:
        entities.set_boundary(tx, find(tx, call), given(tx, call))

    return put


def _delete(find: Finder) -> Handler:
    def delete(tx: Transaction, call: Call) -> None:
        entities.set_boundary(tx, find(tx, call), None)

    return delete


OPERATIONS: tuple[Operation, ...] = (
    on_user(
        "PutUserPermissionsBoundary",
        _put(lookup.user),
        acts="UserName PermissionsBoundary",
        effect=Effect.WRITES,
    ),
    on_user(
        "DeleteUserPermissionsBoundary",
        _delete(lookup.user),
        acts="UserName",
        effect=Effect.DELETES,
    ),
    on_role(
        "PutRolePermissionsBoundary",
        _put(lookup.role),
        acts="RoleName PermissionsBoundary",
        effect=Effect.WRITES,
    ),
    on_role(
        "DeleteRolePermissionsBoundary",
        _delete(lookup.role),
        acts="RoleName",
        effect=Effect.DELETES,
    ),
)
