"""TagResource, UntagResource and ListTagsForResource, on topics.

Invariant: as in ``api.tagging``.
https://docs.aws.amazon.com/sns/latest/api/API_TagResource.html
"""

from hostler.api.registry import Call
from hostler.api.sns import finding, refusals
from hostler.api.tagging import Tagging
from hostler.domain.errors import CallerError
from hostler.domain.ids import Arn
from hostler.store.database import Transaction


def _topic(tx: Transaction, call: Call) -> Arn:
    try:
        return finding.topic(tx, call, call.params["ResourceArn"]).arn
    except CallerError:
        raise CallerError("ResourceNotFound", "Resource does not exist") from None


ON_TOPICS = Tagging(_topic, refusals.invalid)
