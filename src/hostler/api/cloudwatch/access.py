"""What a call of CloudWatch needs: its action, on everything.

Invariant: metrics have no ARNs; who writes is limited by the namespace, as a condition key.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
"""

from collections.abc import Sequence

from hostler.api.registry import Access, Call
from hostler.iam.context import ABSENT


def access(call: Call) -> Sequence[Access]:
    """Permission for the operation; only PutMetricData has the key of the namespace."""
    writes = call.operation == "PutMetricData"
    namespace = call.params["Namespace"] if writes else ABSENT
    return [Access(f"cloudwatch:{call.operation}", "*", {"cloudwatch:namespace": namespace})]
