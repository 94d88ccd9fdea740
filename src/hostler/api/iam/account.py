"""The account itself, as IAM tells of it.

Invariant: an account has no alias here, and says so.
"""

from typing import Any

from hostler.api.iam import pages
from hostler.api.iam.operation import fixed
from hostler.api.registry import Call, Operation
from hostler.store.database import Transaction


def aliases(_tx: Transaction, _call: Call) -> dict[str, Any]:
    return {"AccountAliases": [], "IsTruncated": False}


OPERATIONS: tuple[Operation, ...] = (
    fixed("ListAccountAliases", aliases, lambda _call: "*", acts=pages.ACTS),
)
