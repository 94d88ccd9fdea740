"""The tags of the resources that a call works on, as condition keys.

Invariant: of a resource that is only being made nothing is known; one that does not exist has no
tags, and what is no resource at all (``*``) has none either.
"""

from collections.abc import Sequence
from dataclasses import replace

from hostler.api.registry import Access, Call
from hostler.iam import context
from hostler.iam.context import Context
from hostler.iam.match import split
from hostler.store import tags
from hostler.store.database import Transaction
from hostler.store.identities import entities, policies
from hostler.telemetry import log_tags

EVERYTHING = "*"


def with_tags(tx: Transaction, call: Call, needed: Sequence[Access]) -> Sequence[Access]:
    """The permissions with their resources' tags, which lie in the service's own database."""
    return [_with_tags(tx, call, access) for access in needed]


def _with_tags(tx: Transaction, call: Call, access: Access) -> Access:
    if access.is_new:
        return access
    service = access.action.partition(":")[0]
    found = _of(tx, call, service, access.resource)
    return replace(access, context={**found, **access.context})


def _of(tx: Transaction, call: Call, service: str, resource: str) -> Context:
    found: dict[str, str] = {}
    if resource != EVERYTHING:
        match service:
            case "sagemaker" | "cloudwatch" | "sns" | "application-autoscaling":
                found = tags.of(tx, resource)
            case "iam":
                found = _of_entity(tx, call, resource)
            case "logs":
                *_, account, group = split(resource)
                name = group.removeprefix("log-group:").partition(":")[0]
                found = log_tags.of_name(tx, account, call.region, name)
            case _:
                pass  # nothing of the others has tags here
    return {
        **context.tags("aws:ResourceTag", found.items()),
        **context.tags(f"{service}:ResourceTag", found.items()),
    }


def _of_entity(tx: Transaction, call: Call, arn: str) -> dict[str, str]:
    """Of a user, a role or a managed policy of the caller's account."""
    if split(arn)[-1].startswith("policy/"):
        policy = policies.get(tx, call.account, arn)
        return {} if policy is None else entities.tags(tx, policy.id)
    entity = entities.by_arn(tx, arn)
    if entity is None or entity.account != call.account:
        return {}
    return entities.tags(tx, entity.id)
