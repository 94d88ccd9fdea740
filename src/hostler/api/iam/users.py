"""Users.

Invariant: a user is deleted only when nothing hangs on it but tags.
"""

from typing import Any

from hostler.api.iam import boundaries, lookup, pages, quotas, shapes, tagging
from hostler.api.iam.errors import already_exists, delete_conflict
from hostler.api.iam.operation import fixed, on_user
from hostler.api.registry import Call, Effect, Operation
from hostler.domain.ids import iam_arn
from hostler.store.database import Transaction
from hostler.store.identities import Identity, Kind, entities, groups, keys, policies


def create(tx: Transaction, call: Call) -> dict[str, Any]:
    name = call.params["UserName"]
    tags = tagging.given(call.params.get("Tags"))
    _free(tx, call, name)
    quotas.check(tx, call.account, Kind.USER)
    made = entities.create_user(
        tx,
        call.account,
        name,
        path=call.params.get("Path", "/"),
        now=call.now,
        boundary=boundaries.given(tx, call),
    )
    tagging.put(tx, made.id, tags)
    return {"User": shapes.user(made, tags)}


def get(tx: Transaction, call: Call) -> dict[str, Any]:
    found = lookup.user(tx, call)
    shape = shapes.user(found, entities.tags(tx, found.id))
    if found.kind is Kind.ROOT:
        # AWS's root has no user name.
        del shape["UserName"]
    return {"User": shape}


def list_users(tx: Transaction, call: Call) -> dict[str, Any]:
    size = pages.limit(call.params)
    found = entities.page(
        tx,
        call.account,
        Kind.USER,
        path_prefix=call.params.get("PathPrefix", "/"),
        after=pages.after(call.params),
        limit=size + 1,
    )
    shown, more = pages.ended(found, lambda one: one.name.lower(), size)
    return {"Users": [shapes.user(one) for one in shown], **more}


def update(tx: Transaction, call: Call) -> None:
    user = lookup.user(tx, call)
    path, name = _target(call, user)
    if name.lower() != user.name.lower():
        _free(tx, call, name)
    entities.rename(tx, user, name=name, path=path)


def remove(tx: Transaction, call: Call) -> None:
    user = lookup.user(tx, call)
    if policies.attached(tx, user.id):
        raise delete_conflict("Cannot delete entity, must detach all policies first.")
    if policies.inline(tx, user.id):
        raise delete_conflict("Cannot delete entity, must delete policies first.")
    if keys.of(tx, user.id):
        raise delete_conflict("Cannot delete entity, must delete access keys first.")
    if groups.of(tx, user):
        raise delete_conflict("Cannot delete entity, must remove users from group first.")
    entities.remove(tx, user)


def _free(tx: Transaction, call: Call, name: str) -> None:
    if entities.get(tx, call.account, Kind.USER, name) is not None:
        raise already_exists(f"User with name {name} already exists.")


def _target(call: Call, user: Identity) -> tuple[str, str]:
    params = call.params
    return params.get("NewPath", user.path), params.get("NewUserName", user.name)


def _target_arn(call: Call, user: Identity) -> list[str]:
    """Renaming needs the permission on the new name as well, as IAM documents it."""
    return [iam_arn(call.account, "user", "".join(_target(call, user)))]


def _new_arn(call: Call) -> str:
    return iam_arn(call.account, "user", call.params.get("Path", "/") + call.params["UserName"])


def _listed_arn(call: Call) -> str:
    return iam_arn(call.account, "user", call.params.get("PathPrefix", "/"))


OPERATIONS: tuple[Operation, ...] = (
    fixed(
        "CreateUser",
        create,
        _new_arn,
        acts="UserName Path PermissionsBoundary Tags[].Key Tags[].Value",
        effect=Effect.WRITES,
    ),
    on_user("GetUser", get, acts="UserName"),
    fixed("ListUsers", list_users, _listed_arn, acts=f"PathPrefix {pages.ACTS}"),
    on_user(
        "UpdateUser",
        update,
        acts="UserName NewUserName NewPath",
        effect=Effect.WRITES,
        also=_target_arn,
    ),
    on_user("DeleteUser", remove, acts="UserName", effect=Effect.DELETES),
)
