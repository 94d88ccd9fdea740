"""Inline policies of users, roles and groups: the same four operations, under three names.

Invariant: a policy takes effect when its transaction is committed.
"""

from collections.abc import Callable
from typing import Any

from hostler.api.iam import documents, lookup, pages, shapes
from hostler.api.iam.errors import not_found
from hostler.api.iam.operation import on_group, on_role, on_user
from hostler.api.registry import Call, Effect, Handler, Operation
from hostler.store.database import Transaction
from hostler.store.identities import Identity, policies

Finder = Callable[[Transaction, Call], Identity]


def _put(find: Finder) -> Handler:
    def put(tx: Transaction, call: Call) -> None:
        owner, name = find(tx, call), call.params["PolicyName"]
        others = policies.inline(tx, owner.id)
        others.pop(name, None)
        text = documents.inline(call.params["PolicyDocument"], owner, others.values())
        policies.put_inline(tx, owner.id, name, text)

    return put


def _get(find: Finder, owner_member: str) -> Handler:
    def get(tx: Transaction, call: Call) -> dict[str, Any]:
        owner, name = find(tx, call), call.params["PolicyName"]
        found = policies.inline(tx, owner.id).get(name)
        if found is None:
            raise not_found(f"{owner.kind} policy", name)
        return {
            owner_member: owner.name,
            "PolicyName": name,
            "PolicyDocument": shapes.document(found),
        }

    return get


def _list(find: Finder) -> Handler:
    def list_names(tx: Transaction, call: Call) -> dict[str, Any]:
        names = sorted(policies.inline(tx, find(tx, call).id))
        shown, more = pages.cut(names, str, call.params)
        return {"PolicyNames": list(shown), **more}

    return list_names


def _delete(find: Finder) -> Handler:
    def delete(tx: Transaction, call: Call) -> None:
        owner, name = find(tx, call), call.params["PolicyName"]
        if not policies.remove_inline(tx, owner.id, name):
            raise not_found(f"{owner.kind} policy", name)

    return delete


_FULL = "PolicyName PolicyDocument"

OPERATIONS: tuple[Operation, ...] = (
    on_user("PutUserPolicy", _put(lookup.user), acts=f"UserName {_FULL}", effect=Effect.WRITES),
    on_user("GetUserPolicy", _get(lookup.user, "UserName"), acts="UserName PolicyName"),
    on_user("ListUserPolicies", _list(lookup.user), acts=f"UserName {pages.ACTS}"),
    on_user(
        "DeleteUserPolicy", _delete(lookup.user), acts="UserName PolicyName", effect=Effect.DELETES
    ),
    on_role("PutRolePolicy", _put(lookup.role), acts=f"RoleName {_FULL}", effect=Effect.WRITES),
    on_role("GetRolePolicy", _get(lookup.role, "RoleName"), acts="RoleName PolicyName"),
    on_role("ListRolePolicies", _list(lookup.role), acts=f"RoleName {pages.ACTS}"),
    on_role(
        "DeleteRolePolicy", _delete(lookup.role), acts="RoleName PolicyName", effect=Effect.DELETES
    ),
    on_group("PutGroupPolicy", _put(lookup.group), acts=f"GroupName {_FULL}", effect=Effect.WRITES),
    on_group("GetGroupPolicy", _get(lookup.group, "GroupName"), acts="GroupName PolicyName"),
    on_group("ListGroupPolicies", _list(lookup.group), acts=f"GroupName {pages.ACTS}"),
    on_group(
        "DeleteGroupPolicy",
        _delete(lookup.group),
        acts="GroupName PolicyName",
        effect=Effect.DELETES,
    ),
)
