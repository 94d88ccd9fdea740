"""GetAccountAuthorizationDetails: everybody, and every policy that is in use, in one list.

Invariant: a page costs what it shows; of AWS's managed policies those are listed that are in use.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hostler.api.iam import pages, shapes
from hostler.api.iam.operation import fixed
from hostler.api.registry import Call, Operation
from hostler.store.database import Transaction
from hostler.store.identities import Identity, Kind, entities, groups, policies
from hostler.store.identities.policies import ManagedPolicy

_FILTERS = {Kind.USER: "User", Kind.ROLE: "Role", Kind.GROUP: "Group"}
_LISTS = {
    Kind.USER: "UserDetailList",
    Kind.ROLE: "RoleDetailList",
    Kind.GROUP: "GroupDetailList",
}
_POLICIES = "Policies"


@dataclass(frozen=True, slots=True)
class _Entry:
    """Something that is listed: where, in which order, and how it is described."""

    member: str
    key: str
    describe: Callable[[], shapes.Shape]


def details(tx: Transaction, call: Call) -> dict[str, Any]:
    wanted = set(call.params.get("Filter", ()))

    def is_wanted(name: str) -> bool:
        return not wanted or name in wanted

    entries = [
        _Entry(_LISTS[one.kind], f"{one.kind}/{one.name.lower()}", _described(tx, one))
        for one in entities.every(tx, call.account)
        if is_wanted(_FILTERS[one.kind])
    ]
    usages = policies.usages(tx, call.account)
    listed: list[ManagedPolicy] = []
    if is_wanted("LocalManagedPolicy"):
        listed += policies.own(tx, call.account)
    if is_wanted("AWSManagedPolicy"):
        listed += [one for one in policies.aws() if one.arn in usages]
    for policy in listed:
        used = usages.get(policy.arn, policies.UNUSED)
        entries.append(_Entry(_POLICIES, f"~{policy.arn}", _detailed(tx, policy, used)))
    shown, more = pages.cut(sorted(entries, key=_key), _key, call.params)
    answer: dict[str, Any] = {name: [] for name in (*_LISTS.values(), _POLICIES)}
    for entry in shown:
        answer[entry.member].append(entry.describe())
    return {**answer, **more}


def _key(entry: _Entry) -> str:
    return entry.key


def _described(tx: Transaction, one: Identity) -> Callable[[], shapes.Shape]:
    def describe() -> shapes.Shape:
        inline = [
            {"PolicyName": name, "PolicyDocument": shapes.document(text)}
            for name, text in policies.inline(tx, one.id).items()
        ]
        attached = [
            {"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn}
            for arn in policies.attached(tx, one.id)
        ]
        tags = entities.tags(tx, one.id)
        both = {"AttachedManagedPolicies": attached}
        match one.kind:
            case Kind.GROUP:
                return {**shapes.group(one), "GroupPolicyList": inline, **both}
            case Kind.ROLE:
                shape = shapes.role(one, tags)
                del shape["MaxSessionDuration"]
                shape.pop("Description", None)
                return {**shape, "RolePolicyList": inline, "InstanceProfileList": [], **both}
            case _:
                joined = [group.name for group in groups.of(tx, one)]
                listed = {"UserPolicyList": inline, "GroupList": joined}
                return {**shapes.user(one, tags), **listed, **both}

    return describe


def _detailed(
    tx: Transaction, policy: ManagedPolicy, used: policies.Usage
) -> Callable[[], shapes.Shape]:
    def describe() -> shapes.Shape:
        versions = [
            shapes.version(one, policy.default_version, with_document=True)
            for one in policies.versions(tx, policy.arn)
        ]
        shape = shapes.policy(policy, used, described=True)
        return {**shape, "PolicyVersionList": versions}

    return describe


OPERATIONS: tuple[Operation, ...] = (
    fixed(
        "GetAccountAuthorizationDetails",
        details,
        lambda _call: "*",
        acts=f"Filter[] {pages.ACTS}",
    ),
)
