"""What CreateModel asks of the execution role: it exists, trusts SageMaker, and may read the data.

Invariant: the role is the model's own key to S3; nothing is read here with anybody
else's permissions.
"""

import asyncio

from hostler.api.registry import Call, Rooms
from hostler.domain.errors import CallerError, validation
from hostler.domain.instance import FailureCause
from hostler.domain.model import Model
from hostler.domain.ports import ModelDataError
from hostler.iam import trust
from hostler.store import identities
from hostler.store.database import Transaction


def check_trust(tx: Transaction, call: Call, role_arn: str) -> None:
    """Refuse a role that is not there, not of this account, or does not trust SageMaker."""
    role = identities.role(tx, role_arn)
    if (
        role is None
        or role.account != call.account
        or not trust.is_execution_role(role.trust, role.account, call.region)
    ):
        raise validation(
            f'The execution role ARN "{role_arn}" is invalid. Please ensure that the role exists '
            'and that its trust relationship policy allows the action "sts:AssumeRole" for the '
            f'service principal "{trust.SAGEMAKER}".'
        )


async def check_model_data(rooms: Rooms, call: Call, model: Model) -> None:
    """Refuse model data that the role cannot read now."""
    data = model.container.model_data
    if data is None:
        return
    try:
        await asyncio.to_thread(rooms.model_data.fetch, model.role_arn, call.region, data)
    except ModelDataError as error:
        if error.cause is FailureCause.PLATFORM:
            raise CallerError("ServiceUnavailable", error.message, status=503) from error
        # The object is named by what it is, then AWS's advice, then what was really wrong.
        raise validation(
            f"Could not access model data at {data.uri}. Please ensure that the role "
            f'"{model.role_arn}" exists and that its trust relationship policy allows the action '
            f'"sts:AssumeRole" for the service principal "{trust.SAGEMAKER}". Also ensure that the '
            f'role has "s3:GetObject" permissions and that the object is located in {call.region}. '
            "If your Model uses multiple models or uncompressed models, please ensure that the "
            f'role has "s3:ListBucket" permission. ({error.message})'
        ) from error
