"""Access keys: at most two a user.

Invariant: a secret leaves in the answer to CreateAccessKey and in no other.
"""

from typing import Any

from hostler.api.iam import lookup, pages, quotas, shapes
from hostler.api.iam.errors import not_found, quota_exceeded
from hostler.api.iam.operation import on_user
from hostler.api.members import Only
from hostler.api.registry import Call, Effect, Operation
from hostler.store.database import Transaction
from hostler.store.identities import Identity, keys
from hostler.store.identities.keys import AccessKey

_SETTABLE = frozenset({"Active", "Inactive"})


def create(tx: Transaction, call: Call) -> dict[str, Any]:
    owner = lookup.user(tx, call)
    if len(keys.of(tx, owner.id)) >= quotas.KEYS_PER_USER_MAX:
        raise quota_exceeded("AccessKeysPerUser", quotas.KEYS_PER_USER_MAX)
    key = keys.create(tx, owner.id, call.now)
    return {"AccessKey": {**_shape(owner, key), "SecretAccessKey": key.secret}}


def list_keys(tx: Transaction, call: Call) -> dict[str, Any]:
    owner = lookup.user(tx, call)
    found = sorted(keys.of(tx, owner.id), key=lambda key: key.id)
    shown, more = pages.cut(found, lambda key: key.id, call.params)
    return {"AccessKeyMetadata": [_shape(owner, key) for key in shown], **more}


def update(tx: Transaction, call: Call) -> None:
    key = _key(tx, call)
    keys.set_active(tx, key.id, active=call.params["Status"] == "Active")


def remove(tx: Transaction, call: Call) -> None:
    keys.remove(tx, _key(tx, call).id)


def _key(tx: Transaction, call: Call) -> AccessKey:
    owner, wanted = lookup.user(tx, call), call.params["AccessKeyId"]
    for key in keys.of(tx, owner.id):
        if key.id == wanted:
            return key
    raise not_found("Access Key", wanted, by="id")


def _shape(owner: Identity, key: AccessKey) -> dict[str, Any]:
    return {
        "UserName": owner.name,
        "AccessKeyId": key.id,
        "Status": "Active" if key.active else "Inactive",
        "CreateDate": shapes.moment(key.created),
    }


OPERATIONS: tuple[Operation, ...] = (
    on_user("CreateAccessKey", create, acts="UserName", effect=Effect.WRITES),
    on_user("ListAccessKeys", list_keys, acts=f"UserName {pages.ACTS}"),
    on_user(
        "UpdateAccessKey",
        update,
        acts="UserName AccessKeyId",
        limited={"Status": Only(_SETTABLE, "a key is made Active or Inactive.")},
        effect=Effect.WRITES,
    ),
    on_user("DeleteAccessKey", remove, acts="UserName AccessKeyId", effect=Effect.DELETES),
)
