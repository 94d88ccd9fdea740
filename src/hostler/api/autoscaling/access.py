"""What a call of Application Auto Scaling needs: its action, on the scalable target.

A target's ARN says nothing of its endpoint, so on its own the action would reach every project's:
who scales an endpoint has to be allowed to describe it as well, as AWS asks of who registers one.

Invariant: a target that is not registered has no ARN yet; permission is then asked for on all of
the caller's account and region, so that nobody learns from a refusal what there is.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsapplicationautoscaling.html
"""

from collections.abc import Sequence

from hostler.api.autoscaling import resources
from hostler.api.registry import Access, Call
from hostler.domain.errors import CallerError
from hostler.domain.ids import sagemaker_arn
from hostler.domain.scaling import target_arn
from hostler.iam.context import ABSENT, Context
from hostler.store import scaling
from hostler.store.database import Transaction
from hostler.store.scaling import Resource

_PREFIX = "application-autoscaling"


def nothing_before(_call: Call) -> Sequence[Access]:
    """The ARN of a target is only in the store (``on_target``)."""
    return ()


def on_target(tx: Transaction, call: Call) -> Sequence[Access]:
    """Permission on the target of the resource that a call names, and to describe its endpoint."""
    resource = _resource(call)
    found = None
    if resource is not None:
        found = scaling.target(tx, call.account, call.region, resource)
    keys: Context = {
        f"{_PREFIX}:service-namespace": call.params.get("ServiceNamespace", ABSENT),
        f"{_PREFIX}:scalable-dimension": call.params.get("ScalableDimension", ABSENT),
    }
    arn = target_arn(call.region, call.account, "*") if found is None else found.arn
    needed = [Access(_action(call), arn, keys, is_new=found is None)]
    if resource is not None:
        endpoint = sagemaker_arn(call.region, call.account, "endpoint", resource.endpoint)
        needed.append(Access("sagemaker:DescribeEndpoint", endpoint))
    return needed


def on_arn(call: Call) -> Sequence[Access]:
    """Permission on the target whose ARN a call gives."""
    return [Access(_action(call), call.params["ResourceARN"])]


def on_everything(call: Call) -> Sequence[Access]:
    """Permission on ``*``, which is all that lists can be given."""
    return [Access(_action(call), "*")]


def _resource(call: Call) -> Resource | None:
    try:
        return resources.resource_of(call.params)
    except CallerError:
        return None  # the operation will say what is wrong with it


def _action(call: Call) -> str:
    return f"{_PREFIX}:{call.operation}"
