"""An endpoint's failing calls raise the usual alarm: from the gateway's spool to its action."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

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
from hostler.snapshot import background
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
        self.restart()

    def restart(self) -> None:
        """Another life of the control process."""
        self.ingest = MetricIngest(
            self.metrics, self.layout, self, lambda: [route(1)], monotonic=self.now
        )
        self.evaluator = AlarmEvaluator(
            self.store, self.metrics, self, self.fired.append, self.ingest.caught_up
        )

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
        return self.state()

    async def live(self) -> None:
        """A life of the control process, until the alarm has another state."""
        before = self.state()
        async with asyncio.timeout(10):
            async with background.beside(
                self.evaluator.run(), self.ingest.run(), failed=lambda: None
            ):
                while self.state() is before:
                    await asyncio.sleep(0.01)

    def state(self) -> AlarmState:
        where = (SUBJECT.account, SUBJECT.region)
        return self.store.run(lambda tx: alarms.states(tx, *where, [NAME]))[NAME]


@pytest.fixture
def world() -> Iterator[World]:
    root = Path(tempfile.mkdtemp(dir="/tmp", prefix="h-"))
    made = World(root)
    yield made
    made.gateway.end()
    for each in (made.store, made.metrics):
        each.close()
    shutil.rmtree(root)


def test_failing_calls_raise_the_alarm_and_it_ends_with_them(world: World) -> None:
    world.store.run(lambda tx: alarms.create(tx, alarm()), write=True)
    gateway = world.gateway
    assert world.minute() is AlarmState.OK, "nothing was called"
    found = []
    for minute in range(1, 8):
        gateway.calls(500, START + minute * 60 + 1)
        if minute < 4:
            gateway.refuse(START + minute * 60 + 2)
        found.append(world.minute())
    ok, bad = AlarmState.OK, AlarmState.ALARM
    assert found == [ok, ok, bad, bad, bad, ok, ok], "three of the last five minutes"
    assert len(world.fired) == 1


def test_after_a_pause_alarms_are_evaluated_once_what_was_counted_meanwhile_is_read(
    world: World,
) -> None:
    world.store.run(
        lambda tx: alarms.create(tx, replace(alarm(), treat_missing=Missing.MISSING)), write=True
    )
    for _ in range(3):
        world.gateway.refuse(world.time)
        world.minute()
    assert world.state() is AlarmState.ALARM
    for _ in range(20):
        world.gateway.calls(500, world.time)
        world.time += 60.0
        world.gateway.tell(world.time)
    world.time += 5.0
    world.restart()
    asyncio.run(world.live())
    assert world.state() is AlarmState.OK, "not as if nothing were known"
