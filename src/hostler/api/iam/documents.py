"""Policy documents as calls give them: read, and within the size of their kind.

Invariant: nothing is stored that ``iam.document`` has not read. Sizes leave white space out:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

from collections.abc import Iterable

from hostler.api.iam.errors import limit_exceeded, quota_exceeded
from hostler.iam import document
from hostler.iam.grammar import VERSION, Kind, malformed
from hostler.store.identities import Identity
from hostler.store.identities import Kind as IdentityKind

TRUST_CHARACTERS_MAX = 2_048
MANAGED_CHARACTERS_MAX = 6_144
INLINE_CHARACTERS_MAX = {
    IdentityKind.USER: 2_048,
    IdentityKind.GROUP: 5_120,
    IdentityKind.ROLE: 10_240,
}


def trust(text: str) -> str:
    """A role's trust document."""
    document.parse(text, Kind.TRUST)
    if size(text) > TRUST_CHARACTERS_MAX:
        raise quota_exceeded("ACLSizePerRole", TRUST_CHARACTERS_MAX)
    return text


def managed(text: str) -> str:
    """A version of a managed policy."""
    if document.parse(text).version != VERSION:
        raise malformed(f"Policy document must be version {VERSION} or greater.")
    if size(text) > MANAGED_CHARACTERS_MAX:
        raise quota_exceeded("PolicySize", MANAGED_CHARACTERS_MAX)
    return text


def inline(text: str, owner: Identity, others: Iterable[str]) -> str:
    """An inline policy beside the ``others`` of its owner, which share one limit."""
    document.parse(text)
    most = INLINE_CHARACTERS_MAX[owner.kind]
    if size(text) + sum(map(size, others)) > most:
        raise limit_exceeded(
            f"Maximum policy size of {most} bytes exceeded for {owner.kind} {owner.name}"
        )
    return text


def simulated(text: str, kind: Kind = Kind.IDENTITY) -> str:
    """A policy that is only tried."""
    document.parse(text, kind)
    return text


def size(text: str) -> int:
    """Characters, as IAM counts them."""
    return sum(map(len, text.split()))
