"""How much an account may have of what IAM keeps.

Invariant: a number here is enforced, and told by GetAccountSummary.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

from hostler.api.iam.errors import quota_exceeded
from hostler.store.database import Transaction
from hostler.store.identities import Kind, entities, policies

USERS_MAX = 5_000
GROUPS_MAX = 300
ROLES_MAX = 1_000
POLICIES_MAX = 1_500
GROUPS_PER_USER_MAX = 10
ATTACHED_MAX = 10
KEYS_PER_USER_MAX = 2
VERSIONS_MAX = 5

_OF_KIND = {
    Kind.USER: ("UsersPerAccount", USERS_MAX),
    Kind.GROUP: ("GroupsPerAccount", GROUPS_MAX),
    Kind.ROLE: ("RolesPerAccount", ROLES_MAX),
}


def check(tx: Transaction, account: str, kind: Kind) -> None:
    """Raise LimitExceeded unless the account may have one more."""
    name, most = _OF_KIND[kind]
    if entities.count(tx, account, kind) >= most:
        raise quota_exceeded(name, most)


def check_policies(tx: Transaction, account: str) -> None:
    """Raise LimitExceeded unless the account may have one more managed policy."""
    if policies.count(tx, account) >= POLICIES_MAX:
        raise quota_exceeded("PoliciesPerAccount", POLICIES_MAX)
