"""IAM: users, access keys, roles, groups, policies.

Invariant: every operation is in the table with the permission it needs.
"""

from hostler.api.iam import (
    access_keys,
    account,
    attachments,
    authorization_details,
    boundaries,
    groups,
    inline_policies,
    managed_policies,
    roles,
    simulate,
    tags,
    users,
)
from hostler.api.registry import ServiceTable, table

TABLE: ServiceTable = table(
    "iam",
    (
        *users.OPERATIONS,
        *access_keys.OPERATIONS,
        *roles.OPERATIONS,
        *groups.OPERATIONS,
        *inline_policies.OPERATIONS,
        *managed_policies.OPERATIONS,
        *attachments.OPERATIONS,
        *boundaries.OPERATIONS,
        *tags.OPERATIONS,
        *simulate.OPERATIONS,
        *account.OPERATIONS,
        *authorization_details.OPERATIONS,
    ),
)
