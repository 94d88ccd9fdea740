"""Whether the caller may: every permission that an operation names, by the caller's policies.

Invariant: all are needed, and the first that is missing is named in the refusal.
"""

from collections.abc import Iterable, Mapping

from hostler.api.registry import Access, Call
from hostler.domain import sender
from hostler.domain.errors import CallerError
from hostler.domain.snapshot import Principal
from hostler.iam import context
from hostler.iam.context import ABSENT, NO_CONTEXT, Context
from hostler.iam.evaluate import Judged, PolicyEngine, refusal
from hostler.iam.match import split
from hostler.iam.operators import ARN_PARTS

_IAM_REGION = "us-east-1"
_OTHER_PARTITIONS = ("cn-", "us-gov-")


def authorize(
    engine: PolicyEngine,
    principal: Principal,
    needed: Iterable[Access],
    shared: Context = NO_CONTEXT,
) -> list[Judged]:
    """Raise AccessDeniedException unless the caller's policies allow everything needed.

    Args:
        engine: Decides.
        principal: Who calls.
        needed: The permissions, each with the condition keys that are its own.
        shared: The condition keys that all of them have.

    Returns:
        What was decided.
    """
    decided: list[Judged] = []
    for access in needed:
        given = {**shared, **_owner(access, principal), **access.context}
        decision = engine.decide(principal, access.action, access.resource, given, on=access.on)
        if not decision.allowed:
            raise refusal(principal.arn, access.action, access.resource, decision)
        decided.append(Judged(access.action, access.resource, decision))
    return decided


def context_of(call: Call) -> Context:
    """The condition keys that every call has, as far as it tells them.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """
    region: str | None = call.region
    if call.service == "iam":
        region = None if call.region.startswith(_OTHER_PARTITIONS) else _IAM_REGION
    header = call.request.header
    return {
        "aws:RequestedRegion": region,
        **context.times(call.now),
        **context.of_request(
            sender.read(header.get(sender.HEADER)),
            agent=header.get("user-agent"),
            referer=header.get("referer"),
        ),
        **_tags(call),
    }


def _owner(access: Access, principal: Principal) -> Context:
    """Whose the resource is: nothing here works on another account's but passing a role to it."""
    parts = split(access.resource)
    account = parts[4] if len(parts) == ARN_PARTS else principal.account
    return {"aws:ResourceAccount": account if account.isdecimal() else None}


def _tags(call: Call) -> Context:
    """Tags that a request brings, or the keys of those to remove, in the services' shapes."""
    params = call.params
    pairs: list[tuple[str, str]] = []
    listed = params.get("TagKeys") or params.get("tagKeys")
    for given in (params.get("Tags"), params.get("tags")):
        match given:
            case Mapping() as mapped:
                pairs += mapped.items()
            case [{"Key": _}, *_]:
                pairs += [(tag["Key"], tag["Value"]) for tag in given]
            case [*_] as removed:
                listed = removed or listed
    keys = [key for key, _ in pairs] or listed or ABSENT
    return {"aws:TagKeys": keys, **context.tags("aws:RequestTag", pairs)}


def in_words_of(protocol: str, error: CallerError) -> CallerError:
    """The query services and S3 call the same refusal AccessDenied."""
    if error.code == "AccessDeniedException" and protocol in ("query", "rest-xml"):
        return CallerError("AccessDenied", error.message, members=error.members, status=403)
    return error
