"""Managed policies attached to users, roles and groups.

Invariant: what is attached exists, and a policy that is attached cannot be deleted.
"""

from typing import Any

from hostler.api.iam import lookup, managed_policies, pages, quotas
from hostler.api.iam.errors import no_such_entity, policy_not_found, quota_exceeded
from hostler.api.iam.inline_policies import Finder
from hostler.api.iam.operation import fixed, on_group, on_role, on_user
from hostler.api.registry import Call, Effect, Handler, Operation
from hostler.store.database import Transaction
from hostler.store.identities import Identity, Kind, policies

_FILTERS = {"User": (Kind.USER,), "Role": (Kind.ROLE,), "Group": (Kind.GROUP,)}
"""EntityFilter's values; the others find nothing, for policies are no entities that hold any."""
_QUOTAS = {
    Kind.USER: "PoliciesPerUser",
    Kind.ROLE: "PoliciesPerRole",
    Kind.GROUP: "PoliciesPerGroup",
}


def _attach(find: Finder) -> Handler:
    def attach(tx: Transaction, call: Call) -> None:
        owner, arn = find(tx, call), call.params["PolicyArn"]
        if policies.get(tx, call.account, arn) is None:
            raise no_such_entity(f"Policy {arn} does not exist or is not attachable.")
        others = set(policies.attached(tx, owner.id)) - {arn}
        if len(others) >= quotas.ATTACHED_MAX:
            raise quota_exceeded(_QUOTAS[owner.kind], quotas.ATTACHED_MAX)
        policies.attach(tx, owner.id, arn)

    return attach


def _detach(find: Finder) -> Handler:
    def detach(tx: Transaction, call: Call) -> None:
        owner, arn = find(tx, call), call.params["PolicyArn"]
        if not policies.detach(tx, owner.id, arn):
            raise policy_not_found(arn)

    return detach


def _list(find: Finder) -> Handler:
    def list_attached(tx: Transaction, call: Call) -> dict[str, Any]:
        owner, prefix = find(tx, call), call.params.get("PathPrefix", "/")
        found = (policies.get(tx, call.account, arn) for arn in policies.attached(tx, owner.id))
        below = [one for one in found if one is not None and one.path.startswith(prefix)]
        shown, more = pages.cut(below, lambda one: one.arn, call.params)
        listed = [{"PolicyName": one.name, "PolicyArn": one.arn} for one in shown]
        return {"AttachedPolicies": listed, **more}

    return list_attached


def entities_for_policy(tx: Transaction, call: Call) -> dict[str, Any]:
    policy, params = lookup.policy(tx, call), call.params
    wanted, prefix = params.get("EntityFilter"), params.get("PathPrefix", "/")
    kinds = tuple(Kind) if wanted is None else _FILTERS.get(wanted, ())
    usage = params.get("PolicyUsageFilter")
    using: set[Identity] = set()
    if usage != "PermissionsBoundary":
        using.update(policies.holders(tx, call.account, policy.arn))
    if usage != "PermissionsPolicy":
        using.update(policies.limited(tx, call.account, policy.arn))
    found = sorted(using, key=_place)
    below = [one for one in found if one.kind in kinds and one.path.startswith(prefix)]
    shown, more = pages.cut(below, _place, params)
    return {
        "PolicyGroups": [
            {"GroupName": one.name, "GroupId": one.id} for one in shown if one.kind is Kind.GROUP
        ],
        "PolicyUsers": [
            {"UserName": one.name, "UserId": one.id} for one in shown if one.kind is Kind.USER
        ],
        "PolicyRoles": [
            {"RoleName": one.name, "RoleId": one.id} for one in shown if one.kind is Kind.ROLE
        ],
        **more,
    }


def _place(one: Identity) -> str:
    return f"{one.kind}/{one.name.lower()}"


_ENTITIES_FOR_POLICY = fixed(
    "ListEntitiesForPolicy",
    entities_for_policy,
    managed_policies.arn,
    acts=f"PolicyArn EntityFilter PathPrefix PolicyUsageFilter {pages.ACTS}",
)

OPERATIONS: tuple[Operation, ...] = (
    on_user(
        "AttachUserPolicy", _attach(lookup.user), acts="UserName PolicyArn", effect=Effect.WRITES
    ),
    on_user(
        "DetachUserPolicy", _detach(lookup.user), acts="UserName PolicyArn", effect=Effect.DELETES
    ),
    on_user(
        "ListAttachedUserPolicies",
        _list(lookup.user),
        acts=f"UserName PathPrefix {pages.ACTS}",
    ),
    on_role(
        "AttachRolePolicy", _attach(lookup.role), acts="RoleName PolicyArn", effect=Effect.WRITES
    ),
    on_role(
        "DetachRolePolicy", _detach(lookup.role), acts="RoleName PolicyArn", effect=Effect.DELETES
    ),
    on_role(
        "ListAttachedRolePolicies",
        _list(lookup.role),
        acts=f"RoleName PathPrefix {pages.ACTS}",
    ),
    on_group(
        "AttachGroupPolicy",
        _attach(lookup.group),
        acts="GroupName PolicyArn",
        effect=Effect.WRITES,
    ),
    on_group(
        "DetachGroupPolicy",
        _detach(lookup.group),
        acts="GroupName PolicyArn",
        effect=Effect.DELETES,
    ),
    on_group(
        "ListAttachedGroupPolicies",
        _list(lookup.group),
        acts=f"GroupName PathPrefix {pages.ACTS}",
    ),
    _ENTITIES_FOR_POLICY,
)
