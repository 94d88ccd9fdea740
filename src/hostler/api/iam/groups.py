"""Groups, and who is in them.

Invariant: a user is in ten groups at most; a group is deleted only when nobody is in it and no
policy hangs on it.
"""

from typing import Any

from hostler.api.iam import lookup, pages, quotas, shapes
from hostler.api.iam.errors import already_exists, delete_conflict, quota_exceeded
from hostler.api.iam.operation import fixed, on_group, on_user
from hostler.api.registry import Call, Effect, Operation
from hostler.domain.ids import iam_arn
from hostler.store.database import Transaction
from hostler.store.identities import Identity, Kind, entities, groups, policies


def create(tx: Transaction, call: Call) -> dict[str, Any]:
    name, path = call.params["GroupName"], call.params.get("Path", "/")
    _free(tx, call, name)
    quotas.check(tx, call.account, Kind.GROUP)
    made = entities.create_group(tx, call.account, name, path=path, now=call.now)
    return {"Group": shapes.group(made)}


def get(tx: Transaction, call: Call) -> dict[str, Any]:
    found = lookup.group(tx, call)
    users = groups.members(tx, found)
    shown, more = pages.cut(users, lambda one: one.name.lower(), call.params)
    return {"Group": shapes.group(found), "Users": [shapes.user(one) for one in shown], **more}


def list_groups(tx: Transaction, call: Call) -> dict[str, Any]:
    size = pages.limit(call.params)
    found = entities.page(
        tx,
        call.account,
        Kind.GROUP,
        path_prefix=call.params.get("PathPrefix", "/"),
        after=pages.after(call.params),
        limit=size + 1,
    )
    shown, more = pages.ended(found, lambda one: one.name.lower(), size)
    return {"Groups": [shapes.group(one) for one in shown], **more}


def update(tx: Transaction, call: Call) -> None:
    group = lookup.group(tx, call)
    path, name = _target(call, group)
    if name.lower() != group.name.lower():
        _free(tx, call, name)
    entities.rename(tx, group, name=name, path=path)


def remove(tx: Transaction, call: Call) -> None:
    group = lookup.group(tx, call)
    if groups.members(tx, group):
        raise delete_conflict("Cannot delete entity, must remove users from group first.")
    if policies.attached(tx, group.id):
        raise delete_conflict("Cannot delete entity, must detach all policies first.")
    if policies.inline(tx, group.id):
        raise delete_conflict("Cannot delete entity, must delete policies first.")
    entities.remove(tx, group)


def add_user(tx: Transaction, call: Call) -> None:
    group, user = lookup.group(tx, call), lookup.user(tx, call)
    others = [each for each in groups.of(tx, user) if each.id != group.id]
    if len(others) >= quotas.GROUPS_PER_USER_MAX:
        raise quota_exceeded("GroupsPerUser", quotas.GROUPS_PER_USER_MAX)
    groups.add(tx, group, user)


def remove_user(tx: Transaction, call: Call) -> None:
    groups.remove(tx, lookup.group(tx, call), lookup.user(tx, call))


def of_user(tx: Transaction, call: Call) -> dict[str, Any]:
    found = groups.of(tx, lookup.user(tx, call))
    shown, more = pages.cut(found, lambda one: one.name.lower(), call.params)
    return {"Groups": [shapes.group(one) for one in shown], **more}


def _free(tx: Transaction, call: Call, name: str) -> None:
    if entities.get(tx, call.account, Kind.GROUP, name) is not None:
        raise already_exists(f"Group with name {name} already exists.")


def _target(call: Call, group: Identity) -> tuple[str, str]:
    params = call.params
    return params.get("NewPath", group.path), params.get("NewGroupName", group.name)


def _target_arn(call: Call, group: Identity) -> list[str]:
    """Renaming needs the permission on the new name as well, as IAM documents it."""
    return [iam_arn(call.account, Kind.GROUP, "".join(_target(call, group)))]


def _new_arn(call: Call) -> str:
    path = call.params.get("Path", "/")
    return iam_arn(call.account, Kind.GROUP, path + call.params["GroupName"])


def _listed_arn(call: Call) -> str:
    return iam_arn(call.account, Kind.GROUP, call.params.get("PathPrefix", "/"))


OPERATIONS: tuple[Operation, ...] = (
    fixed("CreateGroup", create, _new_arn, acts="GroupName Path", effect=Effect.WRITES),
    on_group("GetGroup", get, acts=f"GroupName {pages.ACTS}"),
    fixed("ListGroups", list_groups, _listed_arn, acts=f"PathPrefix {pages.ACTS}"),
    on_group(
        "UpdateGroup",
        update,
        acts="GroupName NewGroupName NewPath",
        effect=Effect.WRITES,
        also=_target_arn,
    ),
    on_group("DeleteGroup", remove, acts="GroupName", effect=Effect.DELETES),
    on_group("AddUserToGroup", add_user, acts="GroupName UserName", effect=Effect.WRITES),
    on_group("RemoveUserFromGroup", remove_user, acts="GroupName UserName", effect=Effect.DELETES),
    on_user("ListGroupsForUser", of_user, acts=f"UserName {pages.ACTS}"),
)
