"""Tag, untag and list the tags of users, roles and managed policies.

Invariant: tags hang on the entity's id, and go with it.
"""

from collections.abc import Callable
from typing import Any

from hostler.api.iam import lookup, managed_policies, pages, shapes, tagging
from hostler.api.iam.operation import fixed, on_role, on_user
from hostler.api.registry import Call, Effect, Handler, Operation
from hostler.store.database import Transaction
from hostler.store.identities import entities

OwnerFinder = Callable[[Transaction, Call], str]


def _user(tx: Transaction, call: Call) -> str:
    return lookup.user(tx, call).id


def _role(tx: Transaction, call: Call) -> str:
    return lookup.role(tx, call).id


def _policy(tx: Transaction, call: Call) -> str:
    return lookup.policy(tx, call).id


def _own_policy(tx: Transaction, call: Call) -> str:
    return managed_policies.own(tx, call).id


def _tag(owner: OwnerFinder) -> Handler:
    def tag(tx: Transaction, call: Call) -> None:
        tagging.put(tx, owner(tx, call), tagging.given(call.params["Tags"]))

    return tag


def _untag(owner: OwnerFinder) -> Handler:
    def untag(tx: Transaction, call: Call) -> None:
        entities.remove_tags(tx, owner(tx, call), call.params["TagKeys"])

    return untag


def _list(owner: OwnerFinder) -> Handler:
    def list_tags(tx: Transaction, call: Call) -> dict[str, Any]:
        tags = entities.tags(tx, owner(tx, call))
        shown, more = pages.cut(list(tags), str.lower, call.params)
        return {"Tags": shapes.tag_list({key: tags[key] for key in shown}), **more}

    return list_tags


_TAGS = "Tags[].Key Tags[].Value"

OPERATIONS: tuple[Operation, ...] = (
    on_user("TagUser", _tag(_user), acts=f"UserName {_TAGS}", effect=Effect.WRITES),
    on_user("UntagUser", _untag(_user), acts="UserName TagKeys[]", effect=Effect.DELETES),
    on_user("ListUserTags", _list(_user), acts=f"UserName {pages.ACTS}"),
    on_role("TagRole", _tag(_role), acts=f"RoleName {_TAGS}", effect=Effect.WRITES),
    on_role("UntagRole", _untag(_role), acts="RoleName TagKeys[]", effect=Effect.DELETES),
    on_role("ListRoleTags", _list(_role), acts=f"RoleName {pages.ACTS}"),
    fixed(
        "TagPolicy",
        _tag(_own_policy),
        managed_policies.arn,
        acts=f"PolicyArn {_TAGS}",
        effect=Effect.WRITES,
    ),
    fixed(
        "UntagPolicy",
        _untag(_own_policy),
        managed_policies.arn,
        acts="PolicyArn TagKeys[]",
        effect=Effect.DELETES,
    ),
    fixed("ListPolicyTags", _list(_policy), managed_policies.arn, acts=f"PolicyArn {pages.ACTS}"),
)
