"""An endpoint's failing calls raise the usual alarm: from the gateway's spool to its action."""

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hostler.control.alarms import AlarmEvaluator
from hostler.control.metrics import MetricIngest
from hostler.domain.alarm import (
    Actions,
    AlarmQuery,
    AlarmState,
    Comparison,
    MetricAlarm,
    MetricStatistic,
    Missing,
)
from hostler.domain.ids import AccountId, Region
from hostler.domain.layout import Layout
from hostler.planning import alarm_transitions
from hostler.store import alarms, schema
from hostler.store.database import Store
from hostler.telemetry import metrics
from hostler.toolkit import alarms as usual
from spooled_calls import START, SUBJECT, Gateway, route

TOPIC = "arn:aws:sns:us-east-1:123456789012:ops"
NAME = usual.alarm_name("e", "v", "Invocation5XXErrors")


def alarm() -> MetricAlarm:
    """As `hostler alarms setup` asks for it."""
    asked: dict[str, Any] = next(
        dict(each) for each in usual.alarms("e", "v", [TOPIC]) if each["AlarmName"] == NAME
    )
    queries = []
    for one in asked["Metrics"]:
        stat, metric = one.get("MetricStat"), None
        if stat is not None:
            pairs = tuple((each["Name"], each["Value"]) for each in stat["Metric"]["Dimensions"])
            of = stat["Metric"]
            metric = MetricStatistic(
                of["Namespace"], of["MetricName"], pairs, stat["Stat"], stat["Period"]
            )
        queries.append(
            AlarmQuery(one["Id"], metric, one.get("Expression"), returned=one["ReturnData"])
        )
    return MetricAlarm(
        AccountId(SUBJECT.account),
        Region(SUBJECT.region),
        NAME,
        Actions(alarm=(TOPIC,)),
        Comparison(asked["ComparisonOperator"]),
        asked["Threshold"],
        asked["EvaluationPeriods"],
        START,
        alarm_transitions.initial(START),
        queries=tuple(queries),
        datapoints_to_alarm=asked["DatapointsToAlarm"],
        treat_missing=Missing(asked["TreatMissingData"]),
    )


class World:
    """Databases, spools and a clock around the ingest of metrics and the evaluator."""

    def __init__(self, root: Path) -> None:
        self.time = START + 10.0
        self.layout = Layout(root)
        self.store = Store("sqlite://", inline=True, tables=schema.metadata)
        self.metrics = Store("sqlite://", inline=True, tables=metrics.metadata)
        for each in (self.store, self.metrics):
            each.create_tables()
        self.fired: list[str] = []
        self.gateway = Gateway(self.layout, "1-11")
        self.ingest = MetricIngest(
            self.metrics, self.layout, self, lambda: [route(1)], monotonic=self.now
        )
        self.evaluator = AlarmEvaluator(self.store, self.metrics, self, self.fired.append)

    def now(self) -> float:
        return self.time

    def minute(self) -> AlarmState:
        """Until the evaluator has seen another minute."""
        self.time += 60.0

        async def turn() -> None:
            self.gateway.tell(self.time)
            await self.ingest.sweep()
            await self.ingest.fill()
            self.time += 5.0
            await self.evaluator.turn()
            self.time -= 5.0

        asyncio.run(turn())
        where = (SUBJECT.account, SUBJECT.region)
        return self.store.run(lambda tx: alarms.states(tx, *where, [NAME]))[NAME]


def test_failing_calls_raise_the_alarm_and_it_ends_with_them() -> None:
    root = Path(tempfile.mkdtemp(dir="/tmp", prefix="h-"))
    world = World(root)
    world.store.run(lambda tx: alarms.create(tx, alarm()), write=True)
    gateway = world.gateway
    assert world.minute() is AlarmState.OK, "nothing was called"
    found = []
    for minute in range(1, 8):
        gateway.calls(500, START + minute * 60 + 1)
        if minute < 4:
            gateway.refuse(START + minute * 60 + 2)
        found.append(world.minute())
    gateway.end()
    ok, bad = AlarmState.OK, AlarmState.ALARM
    assert found == [ok, ok, bad, bad, bad, ok, ok], "three of the last five minutes"
    assert len(world.fired) == 1
    for each in (world.store, world.metrics):
        each.close()
    shutil.rmtree(root)
