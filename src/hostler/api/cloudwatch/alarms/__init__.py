"""CloudWatch's alarms: put, described, changed, tagged."""

from hostler.api.cloudwatch.alarms import (
    access,
    actions,
    changes,
    composites,
    histories,
    lists,
    put,
)
from hostler.api.cloudwatch.alarms.members import BY_OPERATION
from hostler.api.cloudwatch.alarms.tags import ON_ALARMS
from hostler.api.registry import (
    AccessRule,
    Database,
    Effect,
    Handler,
    Operation,
    Preparation,
)


def _operation(
    name: str,
    handler: Handler,
    rule: AccessRule,
    effect: Effect,
    prepare: Preparation | None = None,
) -> Operation:
    return Operation(
        name,
        handler,
        rule,
        effect,
        prepare,
        members=BY_OPERATION[name],
        database=Database.CONTROL,
    )


OPERATIONS = (
    _operation("PutMetricAlarm", put.put, access.putting, Effect.WRITES, actions.check_commands),
    _operation(
        "PutCompositeAlarm", composites.put, access.putting, Effect.WRITES, actions.check_commands
    ),
    _operation("DescribeAlarms", lists.listed, access.named, Effect.READS),
    _operation("DescribeAlarmsForMetric", lists.of_metric, access.everything, Effect.READS),
    _operation("DescribeAlarmHistory", histories.listed, access.named, Effect.READS),
    _operation("DeleteAlarms", changes.delete, access.named, Effect.DELETES),
    _operation("SetAlarmState", changes.set_state, access.named, Effect.WRITES),
    _operation("EnableAlarmActions", changes.enable, access.named, Effect.WRITES),
    _operation("DisableAlarmActions", changes.disable, access.named, Effect.WRITES),
    _operation("TagResource", ON_ALARMS.tag, access.tagged, Effect.WRITES),
    _operation("UntagResource", ON_ALARMS.untag, access.tagged, Effect.DELETES),
    _operation("ListTagsForResource", ON_ALARMS.listed, access.tagged, Effect.READS),
)
