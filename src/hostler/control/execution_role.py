"""The role as which SageMaker acts for an endpoint.

Invariant: each time that something is done in its name it exists and trusts SageMaker; what holds
when it is asked for is what counts.
"""

from hostler.domain.snapshot import Principal
from hostler.iam import trust
from hostler.store import identities
from hostler.store.database import Transaction


class NotActingError(Exception):
    """SageMaker cannot act as the role; the text says why."""


def acting(tx: Transaction, role_arn: str, region: str) -> Principal:
    """The role with its policies, for something in a region; raises NotActingError."""
    role = identities.role(tx, role_arn)
    principal = identities.role_principal(tx, role_arn)
    if role is None or principal is None:
        raise NotActingError(
            f"the execution role {role_arn} does not exist; create it again or use another role"
        )
    if not trust.is_execution_role(role.trust, role.account, region):
        raise NotActingError(
            f"the trust policy of {role_arn} does not let {trust.SAGEMAKER} assume it"
        )
    return principal
