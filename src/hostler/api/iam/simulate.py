"""SimulatePrincipalPolicy: what the engine would decide, with the statement that decides.

Invariant: the answer comes from the engine that enforces, over the policies that are in force. The
simulated request has the condition keys that are given and no others; those that the policies read
beside them are named as missing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hostler.api.iam import documents, pages
from hostler.api.iam.errors import invalid_input, not_found
from hostler.api.iam.operation import NO_BOUNDARIES, fixed
from hostler.api.members import Refused
from hostler.api.registry import Call, Operation
from hostler.domain.snapshot import Policy, Principal
from hostler.iam import match
from hostler.iam.context import ABSENT, EVERYTHING_ELSE
from hostler.iam.evaluate import Decision, PolicyEngine
from hostler.iam.operators import ARN_PARTS
from hostler.store import identities
from hostler.store.database import Transaction
from hostler.store.identities import Kind, entities

_PRINCIPAL_TAG = "aws:principaltag/"


def simulate(tx: Transaction, call: Call) -> dict[str, Any]:
    params = call.params
    given = {
        entry["ContextKeyName"].lower(): entry.get("ContextKeyValues", [])
        for entry in params.get("ContextEntries", ())
        if "ContextKeyName" in entry
    }
    principal = _tagged(_principal(tx, call), given)
    engine = PolicyEngine()
    missing = engine.missing_keys(principal, given)
    context = {**given, EVERYTHING_ELSE: ABSENT}
    actions, resources = params["ActionNames"], params.get("ResourceArns") or ["*"]
    # Every action with every resource: far too many to hold, so a page takes its own by number.
    asked = range(len(actions) * len(resources))
    shown, more = pages.cut_range(asked, params)
    results = []
    for number in shown:
        action, resource = actions[number // len(resources)], resources[number % len(resources)]
        decision = engine.decide(principal, action, resource, context)
        results.append(_result(action, resource, decision, missing))
    return {"EvaluationResults": results, **more}


def _principal(tx: Transaction, call: Call) -> Principal:
    """The principal of PolicySourceArn, with the policies of PolicyInputList beside its own."""
    arn = call.params["PolicySourceArn"]
    parts = match.split(arn)
    kind, _, name = parts[-1].partition("/")
    if len(parts) != ARN_PARTS or kind not in (Kind.USER, Kind.ROLE) or not name:
        raise invalid_input(
            f"Invalid Entity Arn: {arn} does not clearly define entity type and name."
        )
    found = entities.by_arn(tx, arn)
    if found is None or found.account != call.account:
        raise not_found(kind, name.rpartition("/")[2])
    principal = identities.principal(tx, found)
    given = tuple(
        Policy(f"PolicyInputList.{number}", documents.simulated(text))
        for number, text in enumerate(call.params.get("PolicyInputList", ()), 1)
    )
    return replace(principal, policies=principal.policies + given)


def _tagged(principal: Principal, given: Mapping[str, Sequence[str]]) -> Principal:
    """The principal with the tags that are tried on it, over its own."""
    tried = {
        key.removeprefix(_PRINCIPAL_TAG): values[0]
        for key, values in given.items()
        if key.startswith(_PRINCIPAL_TAG) and values
    }
    kept = {key: value for key, value in (principal.tags or {}).items() if key.lower() not in tried}
    return replace(principal, tags={**kept, **tried})


def _result(
    action: str, resource: str, decision: Decision, missing: Sequence[str]
) -> Mapping[str, Any]:
    if decision.allowed:
        verdict = "allowed"
    else:
        verdict = "explicitDeny" if decision.explicit_deny else "implicitDeny"
    matched = (
        []
        if decision.policy is None
        else [{"SourcePolicyId": decision.policy, "SourcePolicyType": "IAM Policy"}]
    )
    return {
        "EvalActionName": action,
        "EvalResourceName": resource,
        "EvalDecision": verdict,
        "MatchedStatements": matched,
        "MissingContextValues": missing,
    }


_NO_RESOURCE_POLICIES = Refused("resource policies do not exist in this version.")

OPERATIONS: tuple[Operation, ...] = (
    fixed(
        "SimulatePrincipalPolicy",
        simulate,
        lambda call: str(call.params["PolicySourceArn"]),
        acts="PolicySourceArn PolicyInputList[] ActionNames[] ResourceArns[] "
        "ContextEntries[].ContextKeyName ContextEntries[].ContextKeyValues[] "
        f"ContextEntries[].ContextKeyType {pages.ACTS}",
        limited={
            "PermissionsBoundaryPolicyInputList": NO_BOUNDARIES,
            "PolicyExclusionList": Refused("every policy in force is simulated."),
            "ResourcePolicy": _NO_RESOURCE_POLICIES,
            "ResourceOwner": _NO_RESOURCE_POLICIES,
            "CallerArn": _NO_RESOURCE_POLICIES,
            "ResourceHandlingOption": Refused("EC2 does not exist here."),
        },
    ),
)
