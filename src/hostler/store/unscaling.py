"""The end of scalable targets: all that belongs to one goes with it, in one transaction.

Invariant: no alarm of a target tracking policy outlives it, and none is deleted that it did not
make.
"""

from dataclasses import replace

from hostler.domain.endpoint import Endpoint
from hostler.domain.scaling import ActivityStatus, Policy, Target
from hostler.store import alarms, scaling, scaling_activities
from hostler.store.database import Transaction


def deregister(tx: Transaction, target: Target, now: float) -> None:
    """Forget a target, its policies with the alarms that they made, and its scheduled actions."""
    for policy in scaling.policies(tx, target.id):
        forget_policy(tx, target, policy)
    activity = scaling_activities.underway(tx, target.id)
    if activity is not None:
        message = f"{activity.message} The scalable target was deregistered meanwhile."
        ended = replace(activity, status=ActivityStatus.OVERRIDDEN, message=message, ended=now)
        scaling_activities.put(tx, target.id, ended)
    scaling.remove_target(tx, target)


def deregister_endpoint(tx: Transaction, endpoint: Endpoint, now: float) -> None:
    """The same, for every variant of an endpoint that is to be deleted."""
    found = scaling.targets_of_endpoint(tx, endpoint.account, endpoint.region, endpoint.name)
    for target in found:
        deregister(tx, target, now)


def forget_policy(tx: Transaction, target: Target, policy: Policy) -> None:
    """Forget a policy and the alarms that it made."""
    made = [name for name in (policy.high_alarm, policy.low_alarm) if name is not None]
    alarms.remove(tx, target.account, target.region, made)
    scaling.remove_policy(tx, target.id, policy.name)
