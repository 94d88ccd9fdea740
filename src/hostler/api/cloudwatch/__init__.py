"""Amazon CloudWatch: metrics are written, listed and read; alarms watch them."""

from hostler.api.cloudwatch import alarms, data, lists, put, statistics
from hostler.api.cloudwatch.access import access
from hostler.api.cloudwatch.members import BY_OPERATION
from hostler.api.registry import Database, Effect, Handler, Operation, table


def _operation(name: str, handler: Handler, effect: Effect) -> Operation:
    return Operation(name, handler, access, effect, members=BY_OPERATION[name])


TABLE = table(
    "cloudwatch",
    [
        _operation("PutMetricData", put.put, Effect.WRITES),
        _operation("ListMetrics", lists.listed, Effect.READS),
        _operation("GetMetricStatistics", statistics.get, Effect.READS),
        _operation("GetMetricData", data.get, Effect.READS),
        *alarms.OPERATIONS,
    ],
    database=Database.METRICS,
)
