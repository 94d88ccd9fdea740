"""SimulatePrincipalPolicy and SimulateCustomPolicy: what the engine would decide, and by what.

Invariant: the answer comes from the engine that enforces, over the policies that are in force or
given. The simulated request has the condition keys that are given and no others; those that the
policies read beside them are named as missing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hostler.api.iam import documents, pages
from hostler.api.iam.errors import invalid_input, not_found
from hostler.api.iam.operation import fixed
from hostler.api.members import Refused
from hostler.api.registry import Call, Operation
from hostler.domain.snapshot import Policy, Principal
from hostler.iam import match
from hostler.iam.context import ABSENT, EVERYTHING_ELSE, Context
from hostler.iam.evaluate import Decision, PolicyEngine, ResourcePolicy
from hostler.iam.grammar import Kind as DocumentKind
from hostler.iam.grammar import Source
from hostler.iam.operators import ARN_PARTS
from hostler.store import identities
from hostler.store.database import Transaction
from hostler.store.identities import Identity, Kind, entities

_PRINCIPAL_TAG = "aws:principaltag/"
_SOURCES = (Kind.USER, Kind.ROLE, Kind.GROUP)


@dataclass(frozen=True, slots=True)
class _Simulation:
    """Whose requests, with what, to which resources."""

    principal: Principal
    context: Context
    resource_policy: str | None
    resource_kind: DocumentKind
    resource_owner: str | None
    missing: Sequence[str]
    engine: PolicyEngine = field(default_factory=PolicyEngine)
    limit: PolicyEngine = field(default_factory=PolicyEngine)

    def result(self, action: str, resource: str) -> Mapping[str, Any]:
        """The member EvaluationResults[]."""
        made = self.engine.decide(
            self.principal, action, resource, self.context, on=self._on(resource)
        )
        return {
            "EvalActionName": action,
            "EvalResourceName": resource,
            "EvalDecision": _verdict(made),
            "MatchedStatements": _matched(made),
            "MissingContextValues": self.missing,
            **self._boundary(action, resource),
        }

    def _on(self, resource: str) -> ResourcePolicy | None:
        parts = match.split(resource)
        owner = parts[4] if len(parts) == ARN_PARTS and parts[4] else self.resource_owner
        if self.resource_policy is None and self.resource_owner is None:
            return None
        return ResourcePolicy(
            owner or self.principal.account,
            self.resource_policy,
            "ResourcePolicy",
            self.resource_kind,
        )

    def _boundary(self, action: str, resource: str) -> Mapping[str, Any]:
        boundary = self.principal.boundary
        if boundary is None:
            return {}
        alone = replace(self.principal, policies=(boundary,), boundary=None)
        made = self.limit.decide(alone, action, resource, self.context)
        return {"PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": made.allowed}}


def simulate_principal(tx: Transaction, call: Call) -> dict[str, Any]:
    """The principal of PolicySourceArn, with the policies of PolicyInputList beside its own."""
    found = _entity(tx, call, call.params["PolicySourceArn"])
    principal = identities.principal(tx, found)
    more = _given(call, "PolicyInputList")
    principal = replace(principal, policies=principal.policies + more)
    if "CallerArn" in call.params:
        principal = replace(_caller(tx, call), policies=principal.policies)
    elif found.kind is Kind.GROUP:
        principal = _nobody(call, principal.policies)
    return _results(call, principal)


def simulate_custom(tx: Transaction, call: Call) -> dict[str, Any]:
    """Policies that are given alone, for CallerArn or for nobody in particular."""
    principal = _caller(tx, call) if "CallerArn" in call.params else _nobody(call, ())
    given = _given(call, "PolicyInputList")
    return _results(call, replace(principal, policies=given, boundary=None))


def _results(call: Call, principal: Principal) -> dict[str, Any]:
    params = call.params
    given = {
        entry["ContextKeyName"].lower(): entry.get("ContextKeyValues", [])
        for entry in params.get("ContextEntries", ())
        if "ContextKeyName" in entry
    }
    limits = _given(call, "PermissionsBoundaryPolicyInputList")
    if len(limits) > 1:
        raise invalid_input("PermissionsBoundaryPolicyInputList takes one policy.")
    if limits:
        principal = replace(principal, boundary=limits[0])
    principal = _tagged(principal, given)
    actions, resources = params["ActionNames"], params.get("ResourceArns") or ["*"]
    kind = _kind_of_resource(actions)
    simulation = _Simulation(
        principal=principal,
        context={**given, EVERYTHING_ELSE: ABSENT},
        resource_policy=_resource_policy(call, kind),
        resource_kind=kind,
        resource_owner=_owner(params.get("ResourceOwner")),
        missing=PolicyEngine().missing_keys(principal, given),
    )
    # Every action with every resource: far too many to hold, so a page takes its own by number.
    shown, more = pages.cut_range(range(len(actions) * len(resources)), params)
    pairs = (divmod(number, len(resources)) for number in shown)
    results = [simulation.result(actions[one], resources[other]) for one, other in pairs]
    return {"EvaluationResults": results, **more}


def _entity(tx: Transaction, call: Call, arn: str) -> Identity:
    """The user, role or group of an ARN."""
    parts = match.split(arn)
    kind, _, name = parts[-1].partition("/")
    if len(parts) != ARN_PARTS or kind not in _SOURCES or not name:
        raise invalid_input(
            f"Invalid Entity Arn: {arn} does not clearly define entity type and name."
        )
    found = entities.by_arn(tx, arn)
    if found is None or found.account != call.account:
        raise not_found(kind, name.rpartition("/")[2])
    return found


def _caller(tx: Transaction, call: Call) -> Principal:
    """The user of CallerArn: whom a resource's policy may name."""
    found = _entity(tx, call, call.params["CallerArn"])
    if found.kind is not Kind.USER:
        raise invalid_input(f"CallerArn must be the ARN of an IAM user: {found.arn} is none.")
    return identities.principal(tx, found)


def _nobody(call: Call, policies: tuple[Policy, ...]) -> Principal:
    """A caller of the account of whom nothing is known but what the simulation says."""
    return Principal("", call.account, "", "", policies, tags={})


def _given(call: Call, member: str) -> tuple[Policy, ...]:
    return tuple(
        Policy(f"{member}.{number}", documents.simulated(text))
        for number, text in enumerate(call.params.get(member, ()), 1)
    )


def _kind_of_resource(actions: Sequence[str]) -> DocumentKind:
    """What STS is asked about are roles, whose policy is their trust; the rest is as logs' are."""
    of_roles = all(action.lower().startswith("sts:") for action in actions)
    return DocumentKind.TRUST if of_roles else DocumentKind.LOGS


def _resource_policy(call: Call, kind: DocumentKind) -> str | None:
    text: str | None = call.params.get("ResourcePolicy")
    return None if text is None else documents.simulated(text, kind)


def _owner(given: str | None) -> str | None:
    """The account of ResourceOwner: an ARN, or the account itself."""
    if given is None or ":" not in given:
        return given
    return match.split(given)[4] if given.count(":") >= ARN_PARTS - 1 else None


def _tagged(principal: Principal, given: Mapping[str, Sequence[str]]) -> Principal:
    """The principal with the tags that are tried on it, over its own."""
    tried = {
        key.removeprefix(_PRINCIPAL_TAG): values[0]
        for key, values in given.items()
        if key.startswith(_PRINCIPAL_TAG) and values
    }
    kept = {key: value for key, value in (principal.tags or {}).items() if key.lower() not in tried}
    return replace(principal, tags={**kept, **tried})


def _verdict(decision: Decision) -> str:
    if decision.allowed:
        return "allowed"
    return "explicitDeny" if decision.explicit_deny else "implicitDeny"


def _matched(decision: Decision) -> list[Mapping[str, Any]]:
    if decision.policy is None:
        return []
    of_resource = decision.source in (Source.RESOURCE, Source.TRUST)
    kind = "Resource Policy" if of_resource else "IAM Policy"
    return [{"SourcePolicyId": decision.policy, "SourcePolicyType": kind}]


_ACTS = (
    "PolicyInputList[] PermissionsBoundaryPolicyInputList[] ActionNames[] ResourceArns[] "
    "ResourcePolicy ResourceOwner CallerArn ContextEntries[].ContextKeyName "
    f"ContextEntries[].ContextKeyValues[] ContextEntries[].ContextKeyType {pages.ACTS}"
)
_NO_EC2 = {"ResourceHandlingOption": Refused("EC2 does not exist here.")}

OPERATIONS: tuple[Operation, ...] = (
    fixed(
        "SimulatePrincipalPolicy",
        simulate_principal,
        lambda call: str(call.params["PolicySourceArn"]),
        acts=f"PolicySourceArn {_ACTS}",
        limited={**_NO_EC2, "PolicyExclusionList": Refused("every policy in force is simulated.")},
    ),
    fixed(
        "SimulateCustomPolicy",
        simulate_custom,
        lambda _call: "*",
        acts=_ACTS,
        limited={
            **_NO_EC2,
            "OrderedOrganizationPolicyInputList": Refused("organizations do not exist here."),
        },
    ),
)
