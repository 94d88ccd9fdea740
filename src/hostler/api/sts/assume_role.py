"""AssumeRole: temporary credentials of a role, for who the role trusts.

Invariant: the role's trust document must allow, and within an account that it names as a whole, or
from another one, the caller's own policies too; whether a role exists is told to nobody else.
https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hostler.api.iam.errors import validation
from hostler.api.members import ACTS, Refused
from hostler.api.registry import Access, Call, Effect, Operation
from hostler.api.sts import issue, session_policies, session_tags
from hostler.api.sts.session_tags import SessionTags
from hostler.aws import tokens
from hostler.domain.errors import CallerError, access_denied
from hostler.domain.ids import assumed_role_arn
from hostler.domain.snapshot import Policy, Principal
from hostler.iam import context, match
from hostler.iam.context import ABSENT, Context
from hostler.iam.evaluate import ResourcePolicy
from hostler.iam.grammar import Kind
from hostler.iam.operators import ARN_PARTS
from hostler.store.database import Transaction
from hostler.store.identities import Identity, entities

DURATION_S = 3_600
CHAINED_DURATION_S_MAX = 3_600
_ACTS = (
    "RoleArn RoleSessionName PolicyArns[].arn Policy DurationSeconds Tags[].Key Tags[].Value "
    "TransitiveTagKeys[] ExternalId SourceIdentity"
)
_OF_FEDERATION = (
    "accounts.google.com:aud", "accounts.google.com:sub", "cognito-identity.amazonaws.com:amr",
    "cognito-identity.amazonaws.com:aud", "cognito-identity.amazonaws.com:sub",
    "graph.facebook.com:app_id", "graph.facebook.com:id", "saml:aud", "saml:namequalifier",
    "saml:sub", "saml:sub_type", "www.amazon.com:app_id", "www.amazon.com:user_id",
)  # fmt: skip
"""What only callers have who came by an identity provider: there are none here."""


def needed(tx: Transaction, call: Call) -> Sequence[Access]:
    """What the caller and the role must agree on."""
    if call.principal.is_root:
        raise access_denied("Roles may not be assumed by root accounts.")
    arn = call.params["RoleArn"]
    tags = session_tags.of_call(call.params, call.principal)
    role = entities.role(tx, arn)
    on = ResourcePolicy(
        owner=_account(arn) if role is None else role.account,
        document=None if role is None else role.trust,
        name=arn,
        kind=Kind.TRUST,
    )
    given = _context(tx, call, role, tags)
    source = _source_identity(call.params, call.principal)
    return [Access(action, arn, given, on=on) for action in _actions(tags, source)]


def assume_role(tx: Transaction, call: Call) -> dict[str, Any]:
    params, name = call.params, call.params["RoleSessionName"]
    caller = call.principal
    tags = session_tags.of_call(params, caller)
    source = _source_identity(params, caller)
    role = entities.role(tx, params["RoleArn"])
    assert role is not None, "only a role that exists can trust anybody"
    limits = session_policies.of_call(tx, params, role.account)
    packed = _packed(limits, tags)
    grant = replace(
        issue.new_grant(role.id, call.now, _duration_s(params, role, caller)),
        session_name=name,
        policies=limits,
        tags=tags.all,
        transitive_tags=tuple(tags.transitive),
        source_identity=source,
    )
    return {
        "Credentials": issue.credentials(tx, grant),
        "AssumedRoleUser": {
            "AssumedRoleId": f"{role.id}:{name}",
            "Arn": assumed_role_arn(role.account, role.name, name),
        },
        **packed,
        **({"SourceIdentity": source} if source else {}),
    }


def _actions(tags: SessionTags, source: str) -> Iterator[str]:
    """What is needed; of a chain, each role must agree to tags and to the source identity."""
    yield "sts:AssumeRole"
    if tags.all:
        yield "sts:TagSession"
    if source:
        yield "sts:SetSourceIdentity"


def _context(tx: Transaction, call: Call, role: Identity | None, tags: SessionTags) -> Context:
    """The condition keys of the request.

    A role that does not exist is looked up and has no tags, as one that has none.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
    """
    params = call.params
    tagged = entities.tags(tx, "" if role is None else role.id).items()
    return {
        **dict.fromkeys(_OF_FEDERATION, ABSENT),
        "sts:ExternalId": params.get("ExternalId", ABSENT),
        "sts:RoleSessionName": params["RoleSessionName"],
        "sts:SourceIdentity": params.get("SourceIdentity", ABSENT),
        "sts:TransitiveTagKeys": tuple(tags.transitive),
        **context.tags("aws:ResourceTag", tagged),
        **context.tags("iam:ResourceTag", tagged),
    }


def _account(arn: str) -> str:
    parts = match.split(arn)
    if len(parts) != ARN_PARTS or parts[2] != "iam" or not parts[5].startswith("role/"):
        raise validation(f"{arn} is invalid")
    return parts[4]


def _source_identity(params: Mapping[str, Any], caller: Principal) -> str:
    """The call's, or that of the caller's session, which stays for good."""
    given: str = params.get("SourceIdentity", "")
    kept = "" if caller.session is None else caller.session.source_identity
    if kept and given not in ("", kept):
        raise access_denied("The source identity of a session cannot be changed.")
    return kept or given


def _duration_s(params: Mapping[str, Any], role: Identity, caller: Principal) -> int:
    asked: int = params.get("DurationSeconds", DURATION_S)
    chained = caller.session is not None and bool(caller.session.role_arn)
    if chained and asked > CHAINED_DURATION_S_MAX:
        raise validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by "
            "role chaining"
        )
    if asked > role.session_seconds_max:
        raise validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
    return asked


def _packed(limits: tuple[Policy, ...] | None, tags: SessionTags) -> dict[str, int]:
    """The member PackedPolicySize, where there is something to pack."""
    if limits is None and not tags.all:
        return {}
    percent = tokens.packed_percent(limits or (), tags.all)
    if percent > 100:
        raise CallerError(
            "PackedPolicyTooLarge",
            f"Packed policy consumes {percent}% of allotted space, please use smaller policy.",
            status=400,
        )
    return {"PackedPolicySize": percent}


OPERATION = Operation(
    name="AssumeRole",
    handler=assume_role,
    access=lambda _call: (),
    located=needed,
    effect=Effect.READS,
    members={
        **dict.fromkeys(_ACTS.split(), ACTS),
        **issue.REFUSED,
        "ProvidedContexts": Refused("there is no identity centre here."),
    },
)
