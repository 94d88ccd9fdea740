"""TagResource, UntagResource and ListTagsForResource, on alarms.

Invariant: as in ``api.tagging``.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_TagResource.html
"""

from hostler.api.cloudwatch import refusals
from hostler.api.registry import Call
from hostler.api.tagging import Tagging
from hostler.domain.errors import CallerError
from hostler.domain.ids import Arn
from hostler.store import alarms
from hostler.store.database import Transaction


def _alarm(tx: Transaction, call: Call) -> Arn:
    """The ARN of an alarm that exists."""
    given: str = call.params["ResourceARN"]
    parts = given.split(":", 6)
    if len(parts) == 7 and parts[5] == "alarm":
        kept = alarms.get(tx, call.account, call.region, parts[6])
        if kept is not None and kept.alarm.arn == given:
            return kept.alarm.arn
    raise CallerError(
        "ResourceNotFoundException", f"There is no alarm {given} in this account and region."
    )


ON_ALARMS = Tagging(_alarm, refusals.invalid)
