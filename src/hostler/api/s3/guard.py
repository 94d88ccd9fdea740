"""Who may do what in S3: decided by identity policies and the bucket's own policy together.

Invariant: a bucket is judged before anything of it is read, and a transaction that works on it
meets the bucket that was judged or none. Another account's bucket is open only as far as its policy
says so; the root of a bucket's owner can always mend the policy.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Protocol

from hostler.api.s3.access import Need
from hostler.api.s3.errors import access_denied, no_such_bucket
from hostler.domain.errors import CallerError
from hostler.domain.snapshot import Principal
from hostler.iam.context import Context
from hostler.iam.document import parse
from hostler.iam.evaluate import Decision, Judged, PolicyEngine, ResourcePolicy, refusal_text
from hostler.iam.grammar import Kind
from hostler.iam.public import is_public
from hostler.store import objects
from hostler.store.database import Transaction
from hostler.store.objects import Bucket

PUBLIC_MAX = 256
"""Policies of which it is remembered whether they are public."""
_OF_ITS_OWNERS_ROOT = frozenset(
    {"s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"}
)
"""https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html"""


@dataclass(frozen=True, slots=True)
class Holding:
    """Whose a bucket is, what its policy says, and where it is (None: as the request says)."""

    owner: str
    policy: str | None = None
    region: str | None = None


class Kept(Protocol):
    """What decisions need to know of what is kept."""

    async def holding(self, bucket: str) -> Holding | None:
        """Of a bucket; None where there is none."""
        ...

    async def more(self, need: Need) -> Context | None:
        """The condition keys that what is kept knows, of an object or an upload; None: of none."""
        ...


@dataclass(slots=True)
class Asked:
    """A request as decisions see it: who asks, the keys of the request, and what was decided."""

    principal: Principal
    context: Context
    buckets: dict[str, Holding | None] = field(default_factory=dict)
    """Those that were judged, as they were then."""
    judged: list[Judged] = field(default_factory=list)

    def owner(self, bucket: str) -> str:
        """The account that a judged bucket belongs to."""
        held = self.buckets.get(bucket)
        return self.principal.account if held is None else held.owner


@dataclass(frozen=True, slots=True)
class Guard:
    """Decides.

    Args:
        engine: Decides by policies.
        region: Only names the partition of ARNs.
        kept: Knows buckets and objects.
    """

    engine: PolicyEngine
    region: str
    kept: Kept

    async def admit(self, asked: Asked, needs: Iterable[Need]) -> None:
        """Raise AccessDenied unless all is allowed.

        What only the index knows is looked up where the decision refuses without it: not knowing
        never allows more.
        """
        for need in needs:
            if need.bucket is not None and need.bucket not in asked.buckets:
                asked.buckets[need.bucket] = await self.kept.holding(need.bucket)
            decision = self.decide(asked, need)
            if not decision.allowed and (more := await self.kept.more(need)) is not None:
                need = replace(need, context={**need.context, **more})  # noqa: PLW2901
                decision = self.decide(asked, need)
            self._enforce(asked, need, decision)

    def require(self, asked: Asked, need: Need) -> None:
        """Raise AccessDenied unless it is allowed; its bucket has been judged."""
        self._enforce(asked, need, self.decide(asked, need))

    def may_list(self, asked: Asked, bucket: str) -> bool:
        """Whether a missing key may be told from a forbidden one."""
        return self.decide(asked, Need("s3:ListBucket", bucket)).allowed

    def decide(self, asked: Asked, need: Need) -> Decision:
        """What the policies say."""
        principal = asked.principal
        held = asked.buckets.get(need.bucket) if need.bucket is not None else None
        owner = principal.account if need.bucket is None else None if held is None else held.owner
        given = {**asked.context, "aws:ResourceAccount": owner, "s3:ResourceAccount": owner}
        if held is not None and held.region is not None:
            # On AWS a bucket is reached in its own region alone; here a signature may name any.
            given["aws:RequestedRegion"] = held.region
        given |= need.context
        resource = need.arn(self.region)
        if held is None or (held.policy is None and held.owner == principal.account):
            return self.engine.decide(principal, need.action, resource, given)
        if principal.is_root and owner == principal.account and need.action in _OF_ITS_OWNERS_ROOT:
            return Decision(allowed=True)
        policy = held.policy
        if policy is not None and held.owner != principal.account and _is_public(policy):
            policy = None  # RestrictPublicBuckets: it is for the owner's account alone
        on = ResourcePolicy(held.owner, policy, f"the policy of bucket {need.bucket}")
        return self.engine.decide(principal, need.action, resource, given, on=on)

    def _enforce(self, asked: Asked, need: Need, decision: Decision) -> None:
        principal, resource = asked.principal, need.arn(self.region)
        asked.judged.append(Judged(need.action, resource, decision))
        if decision.allowed:
            return
        if need.bucket is not None and asked.owner(need.bucket) != principal.account:
            raise access_denied()  # of another account's bucket S3 tells nothing more
        text = refusal_text(principal.arn, need.action, f'"{resource}"', decision)
        raise access_denied(text)


@lru_cache(maxsize=PUBLIC_MAX)
def _is_public(text: str) -> bool:
    try:
        return is_public(parse(text, Kind.BUCKET))
    except CallerError:
        return True  # of an earlier version, which read it otherwise


def bucket_of(
    tx: Transaction, asked: Asked, name: str, expected_owner: str | None = None
) -> Bucket:
    """The bucket that was judged, if it is still there; raises CallerError."""
    found, held = objects.bucket(tx, name), asked.buckets.get(name)
    if found is None or held is None:
        raise no_such_bucket(name)
    if found.account != held.owner or expected_owner not in (None, found.account):
        raise access_denied()
    return found
