"""What a call of Application Auto Scaling needs: its action, on the scalable target.

Invariant: a target that is not registered has no ARN yet; permission is then asked for on all of
the caller's account and region, so that nobody learns from a refusal what there is.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsapplicationautoscaling.html
"""

from collections.abc import Sequence

from hostler.api.autoscaling import resources
from hostler.api.registry import Access, Call
from hostler.domain.errors import CallerError
from hostler.domain.scaling import Target, target_arn
from hostler.iam.context import ABSENT, Context
from hostler.store import scaling
from hostler.store.database import Transaction

_PREFIX = "application-autoscaling"


def nothing_before(_call: Call) -> Sequence[Access]:
    """The ARN of a target is only in the store (``on_target``)."""
    return ()


def on_target(tx: Transaction, call: Call) -> Sequence[Access]:
    """Permission on the target of the resource that a call names."""
    found = _target(tx, call)
    keys: Context = {
        f"{_PREFIX}:service-namespace": call.params.get("ServiceNamespace", ABSENT),
        f"{_PREFIX}:scalable-dimension": call.params.get("ScalableDimension", ABSENT),
    }
    arn = target_arn(call.region, call.account, "*") if found is None else found.arn
    return [Access(_action(call), arn, keys, is_new=found is None)]


def on_arn(call: Call) -> Sequence[Access]:
    """Permission on the target whose ARN a call gives."""
    return [Access(_action(call), call.params["ResourceARN"])]


def on_everything(call: Call) -> Sequence[Access]:
    """Permission on ``*``, which is all that lists can be given."""
    return [Access(_action(call), "*")]


def _target(tx: Transaction, call: Call) -> Target | None:
    try:
        resource = resources.resource_of(call.params)
    except CallerError:
        return None  # the operation will say what is wrong with it
    return scaling.target(tx, call.account, call.region, resource)


def _action(call: Call) -> str:
    return f"{_PREFIX}:{call.operation}"
