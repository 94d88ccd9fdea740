"""The account itself, as IAM tells of it.

Invariant: an account has no alias here, no certificates and no MFA devices, and says so.
"""

from typing import Any

from hostler.api.iam import documents, pages, quotas
from hostler.api.iam.operation import fixed
from hostler.api.registry import Call, Operation
from hostler.domain.ids import root_arn
from hostler.store.database import Transaction
from hostler.store.identities import Kind, entities, keys, policies

_NONE = (
    "ServerCertificates", "MFADevices", "MFADevicesInUse", "AccountMFAEnabled",
    "AccountPasswordPresent", "AccountSigningCertificatesPresent", "InstanceProfiles", "Providers",
)  # fmt: skip
"""What does not exist here."""


def aliases(_tx: Transaction, _call: Call) -> dict[str, Any]:
    return {"AccountAliases": [], "IsTruncated": False}


def summary(tx: Transaction, call: Call) -> dict[str, Any]:
    account = call.account
    inline = documents.INLINE_CHARACTERS_MAX
    root = entities.by_arn(tx, root_arn(account))
    has_root_key = root is not None and any(key.active for key in keys.of(tx, root.id))
    found = {
        "Users": entities.count(tx, account, Kind.USER),
        "UsersQuota": quotas.USERS_MAX,
        "Groups": entities.count(tx, account, Kind.GROUP),
        "GroupsQuota": quotas.GROUPS_MAX,
        "Roles": entities.count(tx, account, Kind.ROLE),
        "RolesQuota": quotas.ROLES_MAX,
        "Policies": policies.count(tx, account),
        "PoliciesQuota": quotas.POLICIES_MAX,
        "PolicyVersionsInUse": policies.count_versions(tx, account),
        "PolicySizeQuota": documents.MANAGED_CHARACTERS_MAX,
        "VersionsPerPolicyQuota": quotas.VERSIONS_MAX,
        "UserPolicySizeQuota": inline[Kind.USER],
        "GroupPolicySizeQuota": inline[Kind.GROUP],
        "RolePolicySizeQuota": inline[Kind.ROLE],
        "AssumeRolePolicySizeQuota": documents.TRUST_CHARACTERS_MAX,
        "GroupsPerUserQuota": quotas.GROUPS_PER_USER_MAX,
        "AttachedPoliciesPerUserQuota": quotas.ATTACHED_MAX,
        "AttachedPoliciesPerGroupQuota": quotas.ATTACHED_MAX,
        "AttachedPoliciesPerRoleQuota": quotas.ATTACHED_MAX,
        "AccessKeysPerUserQuota": quotas.KEYS_PER_USER_MAX,
        "AccountAccessKeysPresent": int(has_root_key),
        "GlobalEndpointTokenVersion": 2,
    }
    return {"SummaryMap": {**found, **dict.fromkeys(_NONE, 0)}}


OPERATIONS: tuple[Operation, ...] = (
    fixed("ListAccountAliases", aliases, lambda _call: "*", acts=pages.ACTS),
    fixed("GetAccountSummary", summary, lambda _call: "*", acts=""),
)
