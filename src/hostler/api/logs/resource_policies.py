"""Resource policies: put, listed, removed, and asked of every call that names a log group.

Invariant: a policy that is kept can be read. It lets others in: callers of its own account whom it
names, and those of other accounts whose own policies allow it too; nobody is let in by service
names, as no service of AWS calls here.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutResourcePolicy.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hostler.api.logs import groups, pages
from hostler.api.logs.refusals import invalid
from hostler.api.registry import Access, Call
from hostler.domain.errors import CallerError
from hostler.iam import document
from hostler.iam.evaluate import ResourcePolicy
from hostler.iam.grammar import Kind
from hostler.store.database import Transaction
from hostler.telemetry import log_policies
from hostler.telemetry.log_policies import Policy

POLICIES_MAX = 10
DOCUMENT_MAX = 5120
PAGE_DEFAULT = 50
_LIST = "resource policies"


def nothing(_call: Call) -> Sequence[Access]:
    """What is needed is known in the transaction: ``asked``."""
    return ()


def access(call: Call) -> Sequence[Access]:
    """Permission on everything: AWS knows no resource of these operations."""
    return [Access(f"logs:{call.operation}", "*")]


def asked(tx: Transaction, call: Call) -> Sequence[Access]:
    """What a call that names a group needs, with what the group's account says of it."""
    owner = groups.owner_of(call)
    found = log_policies.of(tx, owner, call.region)
    if not found and owner == call.account:
        return groups.access(call)
    on = ResourcePolicy(
        owner,
        kind=Kind.LOGS,
        further=tuple((f"the log policy {each.name}", each.document) for each in found),
    )
    return [replace(each, on=on) for each in groups.access(call)]


def put(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """PutResourcePolicy: it is in force with the answer."""
    name, text = call.params.get("policyName"), call.params.get("policyDocument")
    if not name or not text:
        raise invalid("policyName and policyDocument are required.")
    if len(text) > DOCUMENT_MAX:
        raise invalid(f"The policy document is longer than {DOCUMENT_MAX} characters.")
    try:
        document.parse(text, Kind.LOGS)
    except CallerError as refusal:
        raise invalid(f"The policy document is invalid: {refusal.message}") from refusal
    others = {each.name for each in log_policies.of(tx, call.account, call.region)} - {name}
    if len(others) >= POLICIES_MAX:
        raise CallerError(
            "LimitExceededException",
            f"Resource limit exceeded: an account has {POLICIES_MAX} policies in a region.",
        )
    policy = Policy(name, text, int(call.now * 1000))
    log_policies.put(tx, call.account, call.region, policy)
    return {"resourcePolicy": _shape(policy)}


def described(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """DescribeResourcePolicies: by name."""
    limit: int = call.params.get("limit", PAGE_DEFAULT)
    after = pages.read(_LIST, call.params.get("nextToken")) or ""
    found = [each for each in log_policies.of(tx, call.account, call.region) if each.name > after]
    page: dict[str, Any] = {"resourcePolicies": [_shape(each) for each in found[:limit]]}
    if len(found) > limit:
        page["nextToken"] = pages.written(_LIST, found[limit - 1].name)
    return page


def delete(tx: Transaction, call: Call) -> None:
    """DeleteResourcePolicy."""
    name: str = call.params.get("policyName", "")
    if not log_policies.remove(tx, call.account, call.region, name):
        raise CallerError("ResourceNotFoundException", f"Policy with name [{name}] does not exist.")


def _shape(policy: Policy) -> Mapping[str, Any]:
    return {
        "policyName": policy.name,
        "policyDocument": policy.document,
        "lastUpdatedTime": policy.updated_ms,
        "policyScope": "ACCOUNT",
    }
