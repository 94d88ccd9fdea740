"""Access keys: at most two a user.

Invariant: a secret leaves in the answer to CreateAccessKey and in no other.
"""

from typing import Any

from hostler.api.iam import lookup, pages, quotas, shapes
from hostler.api.iam.errors import not_found, quota_exceeded
from hostler.api.iam.operation import on_user
from hostler.api.members import ACTS, Only
from hostler.api.registry import Access, Call, Effect, Operation
from hostler.domain.ids import iam_arn
from hostler.store.database import Transaction
from hostler.store.identities import Identity, entities, keys
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


def last_used(tx: Transaction, call: Call) -> dict[str, Any]:
    found = _owned(tx, call)
    if found is None:
        raise not_found("Access Key", call.params["AccessKeyId"], by="id")
    owner, key = found
    used = key.used
    told = (
        {"ServiceName": "N/A", "Region": "N/A"}
        if used is None
        else {
            "LastUsedDate": shapes.moment(used.at),
            "ServiceName": used.service,
            "Region": used.region,
        }
    )
    return {"UserName": owner.name, "AccessKeyLastUsed": told}


def _owned(tx: Transaction, call: Call) -> tuple[Identity, AccessKey] | None:
    """A key of the caller's account, and whose it is."""
    key = keys.get(tx, call.params["AccessKeyId"])
    owner = None if key is None else entities.by_id(tx, key.identity)
    if key is None or owner is None or owner.account != call.account:
        return None
    return owner, key


def _owners_access(tx: Transaction, call: Call) -> tuple[Access, ...]:
    """The permission on whose key it is; on any user, where it is nobody's."""
    found = _owned(tx, call)
    arn = iam_arn(call.account, "user", "*") if found is None else found[0].arn
    return (Access("iam:GetAccessKeyLastUsed", arn),)


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
    Operation(
        name="GetAccessKeyLastUsed",
        handler=last_used,
        access=lambda _call: (),
        effect=Effect.READS,
        members={"AccessKeyId": ACTS},
        located=_owners_access,
    ),
    on_user("DeleteAccessKey", remove, acts="UserName AccessKeyId", effect=Effect.DELETES),
)
