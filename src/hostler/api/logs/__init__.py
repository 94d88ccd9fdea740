"""Amazon CloudWatch Logs: groups, streams, events and how they are read."""

from hostler.api.logs import groups, reads, resource_policies, streams, tags
from hostler.api.logs.members import BY_OPERATION
from hostler.api.registry import Database, Effect, Handler, Operation, table


def _operation(name: str, handler: Handler, effect: Effect) -> Operation:
    return Operation(
        name,
        handler,
        resource_policies.nothing,
        effect,
        members=BY_OPERATION[name],
        located=resource_policies.asked,
    )


def _of_policies(name: str, handler: Handler, effect: Effect) -> Operation:
    access = resource_policies.access
    return Operation(name, handler, access, effect, members=BY_OPERATION[name])


TABLE = table(
    "logs",
    [
        _operation("DescribeLogGroups", groups.described, Effect.READS),
        _operation("DescribeLogStreams", streams.described, Effect.READS),
        _operation("GetLogEvents", reads.get, Effect.READS),
        _operation("FilterLogEvents", reads.filtered, Effect.READS),
        _operation("CreateLogGroup", groups.create, Effect.WRITES),
        _operation("DeleteLogGroup", groups.delete, Effect.DELETES),
        _operation("CreateLogStream", streams.create, Effect.WRITES),
        _operation("DeleteLogStream", streams.delete, Effect.DELETES),
        _operation("PutLogEvents", streams.put_events, Effect.WRITES),
        _operation("PutRetentionPolicy", groups.put_retention, Effect.WRITES),
        _operation("DeleteRetentionPolicy", groups.delete_retention, Effect.DELETES),
        _operation("TagResource", tags.put, Effect.WRITES),
        _operation("UntagResource", tags.remove, Effect.DELETES),
        _operation("ListTagsForResource", tags.listed, Effect.READS),
        _operation("TagLogGroup", tags.put, Effect.WRITES),
        _operation("UntagLogGroup", tags.remove, Effect.DELETES),
        _operation("ListTagsLogGroup", tags.listed, Effect.READS),
        _of_policies("PutResourcePolicy", resource_policies.put, Effect.WRITES),
        _of_policies("DescribeResourcePolicies", resource_policies.described, Effect.READS),
        _of_policies("DeleteResourcePolicy", resource_policies.delete, Effect.DELETES),
    ],
    database=Database.LOGS,
)
