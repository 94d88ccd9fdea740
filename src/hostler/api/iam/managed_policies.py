"""Managed policies and their versions: the account's own to change, AWS's to read.

Invariant: a policy has at most five versions, one of them the default, which cannot be
deleted.
"""

import re
from collections.abc import Mapping
from typing import Any

from hostler.api.iam import documents, lookup, pages, quotas, shapes, tagging
from hostler.api.iam.errors import (
    already_exists,
    delete_conflict,
    limit_exceeded,
    no_such_entity,
    validation,
)
from hostler.api.iam.operation import fixed
from hostler.api.registry import Call, Effect, Operation
from hostler.domain.errors import CallerError
from hostler.domain.ids import iam_arn
from hostler.store.database import Transaction
from hostler.store.identities import entities, policies
from hostler.store.identities.policies import ManagedPolicy, Usage, Version

_VERSION_ID = re.compile(r"v([1-9][0-9]{0,8})")
_AWS_PREFIX = "arn:aws:iam::aws:"


def create(tx: Transaction, call: Call) -> dict[str, Any]:
    params, name = call.params, call.params["PolicyName"]
    tags = tagging.given(params.get("Tags"))
    text = documents.managed(params["PolicyDocument"])
    if policies.name_taken(tx, call.account, name):
        raise already_exists(
            f"A policy called {name} already exists. Duplicate names are not allowed."
        )
    quotas.check_policies(tx, call.account)
    made = policies.create(
        tx,
        call.account,
        name,
        path=params.get("Path", "/"),
        description=params.get("Description", ""),
        document=text,
        now=call.now,
    )
    tagging.put(tx, made.id, tags)
    # Without the description: CreatePolicy and ListPolicies leave it out on AWS as well.
    return {"Policy": shapes.policy(made, policies.UNUSED, described=False, tags=tags)}


def get(tx: Transaction, call: Call) -> dict[str, Any]:
    found = lookup.policy(tx, call)
    used = policies.usages(tx, call.account).get(found.arn, policies.UNUSED)
    tags = entities.tags(tx, found.id)
    return {"Policy": shapes.policy(found, used, described=True, tags=tags)}


def list_policies(tx: Transaction, call: Call) -> dict[str, Any]:
    params = call.params
    scope, prefix = params.get("Scope", "All"), params.get("PathPrefix", "/")
    usages = policies.usages(tx, call.account)
    found: list[ManagedPolicy] = []
    if scope in ("All", "Local"):
        found += policies.own(tx, call.account)
    if scope in ("All", "AWS"):
        found += policies.aws()
    below = sorted(
        (
            one
            for one in found
            if one.path.startswith(prefix) and _wanted(usages.get(one.arn, policies.UNUSED), params)
        ),
        key=lambda one: one.arn,
    )
    shown, more = pages.cut(below, lambda one: one.arn, params)
    listed = [
        shapes.policy(one, usages.get(one.arn, policies.UNUSED), described=False) for one in shown
    ]
    return {"Policies": listed, **more}


def _wanted(used: Usage, params: Mapping[str, Any]) -> bool:
    """Does a list show it, by its use?"""
    usage = params.get("PolicyUsageFilter")
    if usage == "PermissionsBoundary":
        return used.as_boundary > 0
    if params.get("OnlyAttached"):
        return used.attached > 0
    return usage is None or used.attached > 0 or not used.as_boundary


def remove(tx: Transaction, call: Call) -> None:
    policy = own(tx, call)
    if policies.usages(tx, call.account).get(policy.arn) is not None:
        raise delete_conflict("Cannot delete a policy attached to entities.")
    if len(policies.versions(tx, policy.arn)) > 1:
        raise delete_conflict(
            "This policy has more than one version. Before you delete a policy, you must delete "
            "the policy's versions. The default version is deleted with the policy."
        )
    policies.remove(tx, policy)


def create_version(tx: Transaction, call: Call) -> dict[str, Any]:
    policy = own(tx, call)
    text = documents.managed(call.params["PolicyDocument"])
    if len(policies.versions(tx, policy.arn)) >= quotas.VERSIONS_MAX:
        raise limit_exceeded(
            f"A managed policy can have up to {quotas.VERSIONS_MAX} versions. Before you create a "
            "new version, you must delete an existing version."
        )
    default = bool(call.params.get("SetAsDefault", False))
    made = policies.add_version(tx, policy, text, default=default, now=call.now)
    in_force = made.number if default else policy.default_version
    return {"PolicyVersion": shapes.version(made, in_force, with_document=False)}


def get_version(tx: Transaction, call: Call) -> dict[str, Any]:
    policy = lookup.policy(tx, call)
    found = _version(tx, policy, call)
    shape = shapes.version(found, policy.default_version, with_document=True)
    return {"PolicyVersion": shape}


def list_versions(tx: Transaction, call: Call) -> dict[str, Any]:
    policy = lookup.policy(tx, call)
    # Newest first: the page's key grows as the number falls.
    shown, more = pages.cut(
        policies.versions(tx, policy.arn), lambda one: f"{10**9 - one.number:010}", call.params
    )
    listed = [shapes.version(one, policy.default_version, with_document=False) for one in shown]
    return {"Versions": listed, **more}


def set_default(tx: Transaction, call: Call) -> None:
    policy = own(tx, call)
    policies.set_default(tx, policy, _version(tx, policy, call).number)


def remove_version(tx: Transaction, call: Call) -> None:
    policy = own(tx, call)
    version = _version(tx, policy, call)
    if version.number == policy.default_version:
        raise delete_conflict("Cannot delete the default version of a policy.")
    policies.remove_version(tx, policy.arn, version.number)


def own(tx: Transaction, call: Call) -> ManagedPolicy:
    """The policy of PolicyArn, if it is the account's to change."""
    found = lookup.policy(tx, call)
    if found.arn.startswith(_AWS_PREFIX):
        # Nobody may change AWS's policies, whoever asks.
        raise CallerError(
            "AccessDenied",
            f"User: {call.principal.arn} is not authorized to perform: iam:{call.operation} "
            f"on resource: policy {found.arn}",
            status=403,
        )
    return found


def _version(tx: Transaction, policy: ManagedPolicy, call: Call) -> Version:
    wanted = call.params["VersionId"]
    given = _VERSION_ID.fullmatch(wanted)
    if given is None:
        raise validation(
            f"Value '{wanted}' at 'versionId' failed to satisfy constraint: Member must satisfy "
            "regular expression pattern: v[1-9][0-9]*"
        )
    for version in policies.versions(tx, policy.arn):
        if version.number == int(given[1]):
            return version
    raise no_such_entity(
        f"Policy {policy.arn} version {wanted} does not exist or is not attachable."
    )


def _new_arn(call: Call) -> str:
    return iam_arn(call.account, "policy", call.params.get("Path", "/") + call.params["PolicyName"])


def arn(call: Call) -> str:
    """The policy that a call names, as a resource."""
    return str(call.params["PolicyArn"])


OPERATIONS: tuple[Operation, ...] = (
    fixed(
        "CreatePolicy",
        create,
        _new_arn,
        acts="PolicyName Path PolicyDocument Description Tags[].Key Tags[].Value",
        effect=Effect.WRITES,
    ),
    fixed("GetPolicy", get, arn, acts="PolicyArn"),
    fixed(
        "ListPolicies",
        list_policies,
        lambda call: iam_arn(call.account, "policy", call.params.get("PathPrefix", "/")),
        acts=f"Scope OnlyAttached PathPrefix PolicyUsageFilter {pages.ACTS}",
    ),
    fixed("DeletePolicy", remove, arn, acts="PolicyArn", effect=Effect.DELETES),
    fixed(
        "CreatePolicyVersion",
        create_version,
        arn,
        acts="PolicyArn PolicyDocument SetAsDefault",
        effect=Effect.WRITES,
    ),
    fixed("GetPolicyVersion", get_version, arn, acts="PolicyArn VersionId"),
    fixed("ListPolicyVersions", list_versions, arn, acts=f"PolicyArn {pages.ACTS}"),
    fixed(
        "SetDefaultPolicyVersion",
        set_default,
        arn,
        acts="PolicyArn VersionId",
        effect=Effect.WRITES,
    ),
    fixed(
        "DeletePolicyVersion",
        remove_version,
        arn,
        acts="PolicyArn VersionId",
        effect=Effect.DELETES,
    ),
)
