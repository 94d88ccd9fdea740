"""Roles.

Invariant: a role's trust document has been read; a role is deleted only when no policy hangs on it.
"""

from typing import Any

from hostler.api.iam import boundaries, documents, lookup, pages, quotas, shapes, tagging
from hostler.api.iam.errors import already_exists, delete_conflict
from hostler.api.iam.operation import fixed, on_role
from hostler.api.registry import Call, Effect, Operation
from hostler.domain.ids import iam_arn
from hostler.store.database import Transaction
from hostler.store.identities import Identity, Kind, entities, policies

SESSION_SECONDS_DEFAULT = 3_600


def create(tx: Transaction, call: Call) -> dict[str, Any]:
    params, name = call.params, call.params["RoleName"]
    tags = tagging.given(params.get("Tags"))
    trust = documents.trust(params["AssumeRolePolicyDocument"])
    if entities.get(tx, call.account, Kind.ROLE, name) is not None:
        raise already_exists(f"Role with name {name} already exists.")
    quotas.check(tx, call.account, Kind.ROLE)
    made = entities.create_role(
        tx,
        call.account,
        name,
        path=params.get("Path", "/"),
        trust=trust,
        now=call.now,
        description=params.get("Description", ""),
        session_seconds_max=params.get("MaxSessionDuration", SESSION_SECONDS_DEFAULT),
        boundary=boundaries.given(tx, call),
    )
    tagging.put(tx, made.id, tags)
    return {"Role": shapes.role(made, tags)}


def get(tx: Transaction, call: Call) -> dict[str, Any]:
    return {"Role": _described(tx, lookup.role(tx, call))}


def list_roles(tx: Transaction, call: Call) -> dict[str, Any]:
    size = pages.limit(call.params)
    found = entities.page(
        tx,
        call.account,
        Kind.ROLE,
        path_prefix=call.params.get("PathPrefix", "/"),
        after=pages.after(call.params),
        limit=size + 1,
    )
    shown, more = pages.ended(found, lambda one: one.name.lower(), size)
    return {"Roles": [shapes.role(one) for one in shown], **more}


def update(tx: Transaction, call: Call) -> dict[str, Any]:
    role, params = lookup.role(tx, call), call.params
    entities.update_role(
        tx,
        role,
        description=params.get("Description", role.description),
        # Left out, it goes back to the default: so IAM documents it.
        session_seconds_max=params.get("MaxSessionDuration", SESSION_SECONDS_DEFAULT),
    )
    return {}


def update_description(tx: Transaction, call: Call) -> dict[str, Any]:
    entities.update_role(tx, lookup.role(tx, call), description=call.params["Description"])
    return {"Role": _described(tx, lookup.role(tx, call))}


def update_trust(tx: Transaction, call: Call) -> None:
    role = lookup.role(tx, call)
    entities.update_role(tx, role, trust=documents.trust(call.params["PolicyDocument"]))


def remove(tx: Transaction, call: Call) -> None:
    role = lookup.role(tx, call)
    if policies.attached(tx, role.id):
        raise delete_conflict("Cannot delete entity, must detach all policies first.")
    if policies.inline(tx, role.id):
        raise delete_conflict("Cannot delete entity, must delete policies first.")
    entities.remove(tx, role)


def instance_profiles(tx: Transaction, call: Call) -> dict[str, Any]:
    """No instance profiles exist; clients ask before they delete a role."""
    lookup.role(tx, call)
    return {"InstanceProfiles": [], "IsTruncated": False}


def _described(tx: Transaction, role: Identity) -> dict[str, Any]:
    return shapes.role(role, entities.tags(tx, role.id))


def _new_arn(call: Call) -> str:
    return iam_arn(call.account, "role", call.params.get("Path", "/") + call.params["RoleName"])


def _listed_arn(call: Call) -> str:
    return iam_arn(call.account, "role", call.params.get("PathPrefix", "/"))


OPERATIONS: tuple[Operation, ...] = (
    fixed(
        "CreateRole",
        create,
        _new_arn,
        acts="RoleName Path AssumeRolePolicyDocument Description MaxSessionDuration "
        "PermissionsBoundary Tags[].Key Tags[].Value",
        effect=Effect.WRITES,
    ),
    on_role("GetRole", get, acts="RoleName"),
    fixed("ListRoles", list_roles, _listed_arn, acts=f"PathPrefix {pages.ACTS}"),
    on_role(
        "UpdateRole", update, acts="RoleName Description MaxSessionDuration", effect=Effect.WRITES
    ),
    on_role(
        "UpdateRoleDescription",
        update_description,
        acts="RoleName Description",
        effect=Effect.WRITES,
    ),
    on_role(
        "UpdateAssumeRolePolicy", update_trust, acts="RoleName PolicyDocument", effect=Effect.WRITES
    ),
    on_role("DeleteRole", remove, acts="RoleName", effect=Effect.DELETES),
    on_role("ListInstanceProfilesForRole", instance_profiles, acts=f"RoleName {pages.ACTS}"),
)
