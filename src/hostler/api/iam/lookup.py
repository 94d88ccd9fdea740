"""The entity that a call names: found within the caller's account, or NoSuchEntity.

Invariant: without a UserName the caller is meant, as IAM has it.
"""

from hostler.api.iam.errors import not_found, policy_not_found, validation
from hostler.api.registry import Call
from hostler.domain.ids import Arn, iam_arn
from hostler.store.database import Transaction
from hostler.store.identities import Identity, Kind, entities, policies
from hostler.store.identities.policies import ManagedPolicy

_NAMES = {Kind.USER: "UserName", Kind.ROLE: "RoleName", Kind.GROUP: "GroupName"}


def named(tx: Transaction, call: Call, kind: Kind) -> Identity | None:
    """The user, role or group of the call's UserName, RoleName or GroupName, or the caller."""
    name = call.params.get(_NAMES[kind])
    if name is None:
        return entities.by_arn(tx, call.principal.arn)
    return entities.get(tx, call.account, kind, name)


def likely_arn(call: Call, kind: Kind) -> Arn:
    """The ARN of a name that does not exist: without a path, as IAM's refusals have it."""
    name = call.params.get(_NAMES[kind])
    return Arn(call.principal.arn) if name is None else iam_arn(call.account, kind, name)


def user(tx: Transaction, call: Call) -> Identity:
    """The user that the call names; the caller (a user or a root) if it names none."""
    found = named(tx, call, Kind.USER)
    if found is not None and found.kind is not Kind.ROLE:
        return found
    if "UserName" not in call.params:
        raise validation("Must specify userName when calling with non-User credentials")
    raise not_found("user", call.params["UserName"])


def role(tx: Transaction, call: Call) -> Identity:
    """The role of RoleName."""
    found = named(tx, call, Kind.ROLE)
    if found is None:
        raise not_found("role", call.params["RoleName"])
    return found


def group(tx: Transaction, call: Call) -> Identity:
    """The group of GroupName."""
    found = named(tx, call, Kind.GROUP)
    if found is None:
        raise not_found("group", call.params["GroupName"])
    return found


def policy(tx: Transaction, call: Call) -> ManagedPolicy:
    """The managed policy of PolicyArn: the account's own, or AWS's."""
    found = policies.get(tx, call.account, call.params["PolicyArn"])
    if found is None:
        raise policy_not_found(call.params["PolicyArn"])
    return found
