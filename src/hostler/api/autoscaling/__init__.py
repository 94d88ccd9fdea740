"""Application Auto Scaling, for the instances of endpoints' variants."""

from hostler.api.autoscaling import access, activities, policies, schedules, tags, targets
from hostler.api.autoscaling.members import BY_OPERATION
from hostler.api.registry import AccessRule, Effect, Handler, Operation, table


def _on_target(name: str, handler: Handler, effect: Effect) -> Operation:
    return Operation(
        name,
        handler,
        access.nothing_before,
        effect,
        members=BY_OPERATION[name],
        located=access.on_target,
    )


def _plain(name: str, handler: Handler, effect: Effect, rule: AccessRule) -> Operation:
    return Operation(name, handler, rule, effect, members=BY_OPERATION[name])


def _reads(name: str, handler: Handler) -> Operation:
    return _plain(name, handler, Effect.READS, access.on_everything)


TABLE = table(
    "application-autoscaling",
    [
        _on_target("RegisterScalableTarget", targets.register, Effect.WRITES),
        _on_target("DeregisterScalableTarget", targets.deregister, Effect.DELETES),
        _reads("DescribeScalableTargets", targets.described),
        _on_target("PutScalingPolicy", policies.put, Effect.WRITES),
        _on_target("DeleteScalingPolicy", policies.delete, Effect.DELETES),
        _reads("DescribeScalingPolicies", policies.described),
        _on_target("PutScheduledAction", schedules.put, Effect.WRITES),
        _on_target("DeleteScheduledAction", schedules.delete, Effect.DELETES),
        _reads("DescribeScheduledActions", schedules.described),
        _reads("DescribeScalingActivities", activities.described),
        _reads("GetPredictiveScalingForecast", activities.forecast),
        _plain("TagResource", tags.tag, Effect.WRITES, access.on_arn),
        _plain("UntagResource", tags.untag, Effect.DELETES, access.on_arn),
        _plain("ListTagsForResource", tags.listed, Effect.READS, access.on_arn),
    ],
)
