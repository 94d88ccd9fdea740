"""Alarms over time: evaluated once their data are there, settled once, their actions done."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from alarm_pieces import NOW, composite_alarm, metric_alarm
from hostler.control.alarm_actions import ActionFailedError, ActionReconciler
from hostler.control.alarms import SETTLED_AT_ONCE, AlarmEvaluator
from hostler.domain.alarm import (
    STATE_SET,
    Actions,
    Alarm,
    AlarmKind,
    AlarmQuery,
    AlarmState,
    Firing,
    MetricStatistic,
)
from hostler.domain.ids import DEFAULT_ACCOUNT, DEFAULT_REGION
from hostler.planning import alarm_transitions
from hostler.planning.alarms import Evaluation
from hostler.sim import loop as virtual
from hostler.store import alarm_history, alarm_queue, alarms, schema
from hostler.store.alarm_history import Filter
from hostler.store.database import Store, StoreUnavailableError
from hostler.telemetry import metrics, points
from hostler.telemetry.metrics import Sample

WHERE = (DEFAULT_ACCOUNT, DEFAULT_REGION)
TOPIC = "arn:aws:sns:us-east-1:123456789012:ops"
POLICY = "arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:u:resource/r:policyName/p"
OK, ALARM, NO_DATA = AlarmState.OK, AlarmState.ALARM, AlarmState.INSUFFICIENT_DATA
ONE = metric_alarm(evaluation_periods=1)


class World:
    """The databases, a clock, and what an evaluator and a reconciler make of them."""

    def __init__(self) -> None:
        self.store = Store("sqlite://", inline=True, tables=schema.metadata)
        self.metrics = Store("sqlite://", inline=True, tables=metrics.metadata)
        for each in (self.store, self.metrics):
            each.create_tables()
        self.time = NOW
        self.caught_up = asyncio.Event()
        self.fired: list[str] = []
        self.done: list[Firing] = []
        self.failures: list[ActionFailedError] = []
        self.restart()

    def now(self) -> float:
        return self.time

    def restart(self) -> None:
        """Another life of the control process."""
        self.evaluator = AlarmEvaluator(
            self.store, self.metrics, self, self.fired.append, self.caught_up.wait
        )
        acting = {"sns": self.act, "autoscaling": self.act}
        self.reconciler = ActionReconciler(self.store, self, acting)

    async def act(self, firing: Firing) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.done.append(firing)

    def put(self, *made: Alarm) -> None:
        for each in made:
            self.store.run(lambda tx, alarm=each: alarms.create(tx, alarm), write=True)

    def count(self, minute: int, value: float, name: str = "Errors", resolution: int = 60) -> None:
        """A value of the alarms' metric, in a minute (or an interval) after the beginning."""
        metric = metrics.metric(*WHERE, "Shop", name, [("Till", "1")])
        at = NOW + minute * resolution
        sample = Sample(metric, at, resolution, "None", points.of_values([(value, 1.0)]))
        self.metrics.run(lambda tx: metrics.put(tx, [sample], self.time), write=True)

    def turn(self, at: float) -> None:
        """What the evaluator does at a time after the beginning."""
        self.time = NOW + at
        asyncio.run(self.evaluator.turn())

    def carry_out(self) -> list[Any]:
        """One step of every line."""

        async def all_lines() -> list[Any]:
            return [await self.reconciler.reconcile(line) for line in await self.reconciler.keys()]

        return asyncio.run(all_lines())

    def state(self, name: str = "errors") -> AlarmState:
        return self.store.run(lambda tx: alarms.states(tx, *WHERE, [name]))[name]

    def history(self) -> list[str]:
        page = self.store.run(
            lambda tx: alarm_history.page(
                tx,
                *WHERE,
                Filter(kinds=tuple(AlarmKind)),
                descending=False,
                after=None,
                limit=99,
            )
        )
        return [item.summary for _, item in page]


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.store.close()
    world.metrics.close()


def test_a_minute_is_evaluated_once_its_data_are_there(world: World) -> None:
    world.put(replace(ONE, actions=Actions(alarm=(TOPIC,))))
    world.turn(20)
    assert world.state() is NO_DATA
    world.count(0, 9.0)
    world.turn(74)
    assert world.state() is NO_DATA, "of the first minute more may come"
    world.turn(75)
    assert world.state() is ALARM
    (line,) = world.fired
    assert line.endswith(TOPIC)
    world.count(1, 0.0)
    world.turn(134)
    assert world.state() is ALARM
    world.turn(135)
    assert world.state() is OK
    assert len(world.fired) == 1


def test_an_alarm_of_high_resolution_is_evaluated_each_ten_seconds(world: World) -> None:
    fine = MetricStatistic("Shop", "Errors", (("Till", "1"),), "Sum", 10)
    world.put(replace(ONE, metric=fine), replace(ONE, name="slow"))
    world.turn(16)
    world.count(1, 9.0, resolution=10)
    world.turn(24)
    assert world.state() is NO_DATA
    world.turn(25)
    assert (world.state(), world.state("slow")) == (ALARM, NO_DATA)
    world.count(2, 0.0, resolution=10)
    world.turn(35)
    assert world.state() is OK


def test_an_expression_is_evaluated(world: World) -> None:
    def metric(name: str) -> MetricStatistic:
        return MetricStatistic("Shop", name, (("Till", "1"),), "Sum", 60)

    queries = (
        AlarmQuery("rate", expression="IF(c > 0, e / c * 100, 0)", returned=True),
        AlarmQuery("e", metric("Errors"), returned=False),
        AlarmQuery("c", metric("Calls"), returned=False),
    )
    world.put(replace(ONE, metric=None, queries=queries, evaluation_periods=2))
    for minute, errors in enumerate((0, 1, 2, 3)):
        world.count(minute, errors)
        world.count(minute, 100.0, "Calls")
        world.turn(75 + minute * 60)
        assert world.state() is (ALARM if minute == 3 else OK), minute


def test_an_expression_without_a_result_is_missing_data(world: World) -> None:
    total = MetricStatistic("Shop", "Errors", (("Till", "1"),), "Sum", 60)
    queries = (
        AlarmQuery("r", expression="m / (SUM(m) - 9)"),
        AlarmQuery("m", total, returned=False),
    )
    world.put(replace(ONE, metric=None, queries=queries))
    world.count(0, 9.0)
    world.turn(75)
    assert world.state() is NO_DATA


def test_periods_longer_than_a_minute_slide(world: World) -> None:
    five = MetricStatistic("Shop", "Errors", (("Till", "1"),), "Sum", 300)
    world.put(replace(ONE, metric=five, threshold=2.5))
    for minute in range(3):
        world.count(minute, 1.0)
    world.turn(195)
    assert world.state() is ALARM, "three minutes of errors are in the five that end now"


def test_an_alarm_that_was_put_is_evaluated_at_once(world: World) -> None:
    world.turn(75)
    world.count(0, 9.0)
    world.put(ONE)
    world.evaluator.wake(ONE.arn)
    world.turn(76)
    assert world.state() is ALARM
    world.evaluator.wake(ONE.arn.replace("errors", "gone"))
    world.turn(77)


def test_after_a_restart_it_goes_on(world: World) -> None:
    world.put(replace(ONE, actions=Actions(alarm=(TOPIC,), ok=(TOPIC,))))
    world.count(0, 9.0)
    world.turn(75)
    world.restart()
    world.turn(76)
    assert world.history() == ["Alarm updated from INSUFFICIENT_DATA to ALARM"]
    world.count(1, 0.0)
    world.restart()
    world.turn(3 * 60)
    assert world.state() is OK
    world.carry_out()
    world.carry_out()
    assert [firing.state for firing in world.done] == [ALARM, OK]


def test_auto_scaling_is_told_again_each_minute(world: World) -> None:
    world.put(replace(ONE, actions=Actions(alarm=(POLICY, TOPIC))))
    for minute in range(3):
        world.count(minute, 9.0)
        for second in (75, 85, 125):
            world.turn(minute * 60 + second)
            world.restart()
            world.carry_out()
    assert [firing.repeated for firing in world.done if firing.action == POLICY] == [
        False,
        True,
        True,
        True,
    ]
    assert [firing.value for firing in world.done] == [9.0] * 5
    assert sum(TOPIC in summary for summary in world.history()) == 1
    assert sum(POLICY in summary for summary in world.history()) == 1


def test_composite_alarms_follow_in_order(world: World) -> None:
    world.put(
        ONE,
        composite_alarm("top", "NOT OK(middle)", actions=Actions(alarm=(TOPIC,))),
        composite_alarm("middle", "ALARM(errors)"),
    )
    world.turn(20)
    assert (world.state("middle"), world.state("top")) == (OK, OK)
    world.count(0, 9.0)
    world.turn(75)
    assert (world.state("middle"), world.state("top")) == (ALARM, ALARM)
    assert len(world.fired) == 1


def set_state(world: World, state: AlarmState, name: str = "errors") -> None:
    kept = world.store.run(lambda tx: alarms.get(tx, *WHERE, name))
    assert kept is not None
    change = alarm_transitions.moved(kept.alarm, Evaluation(state, "a test"), world.time)
    world.store.run(
        lambda tx: alarms.settle(
            tx, kept, change.alarm, items=change.items, firings=change.firings
        ),
        write=True,
    )
    world.evaluator.wake(STATE_SET)


def test_a_state_that_was_set_fires_and_is_followed_until_the_next_evaluation(
    world: World,
) -> None:
    world.put(
        replace(ONE, actions=Actions(alarm=(TOPIC,))), composite_alarm("top", "ALARM(errors)")
    )
    world.count(0, 0.0)
    world.turn(75)
    set_state(world, ALARM)
    world.turn(76)
    assert (world.state(), world.state("top")) == (ALARM, ALARM)
    assert len(world.fired) == 1
    world.count(1, 0.0)
    world.turn(135)
    assert (world.state(), world.state("top")) == (OK, OK)


def test_what_changed_during_an_evaluation_is_left_alone(world: World) -> None:
    world.put(replace(ONE, actions=Actions(alarm=(TOPIC,))))
    world.count(0, 9.0)
    read = world.metrics.read

    async def slow(transaction: Any) -> Any:
        found = await read(transaction)
        kept = world.store.run(lambda tx: alarms.get(tx, *WHERE, "errors"))
        assert kept is not None
        disabled = replace(kept.alarm, actions=Actions(enabled=False))
        world.store.run(lambda tx: alarms.save(tx, kept, disabled), write=True)
        return found

    world.metrics.read = slow  # type: ignore[method-assign]
    world.turn(75)
    assert (world.state(), world.fired) == (NO_DATA, [])
    world.metrics.read = read  # type: ignore[method-assign]
    world.turn(135)
    assert (world.state(), world.fired) == (ALARM, [])


def test_many_changes_are_few_transactions_and_one_conflict_loses_no_other(world: World) -> None:
    world.turn(15)
    names = [f"c{number:03}" for number in range(SETTLED_AT_ONCE + 1)]
    world.put(ONE, *(composite_alarm(name, "ALARM(errors)") for name in names))
    read, write, writes = world.store.read, world.store.write, []

    async def slow(transaction: Any) -> Any:
        found = await read(transaction)
        kept = world.store.run(lambda tx: alarms.get(tx, *WHERE, "c050"))
        assert kept is not None
        world.store.run(lambda tx: alarms.save(tx, kept, kept.alarm), write=True)
        return found

    async def counted(transaction: Any, **options: Any) -> Any:
        writes.append(transaction)
        return await write(transaction, **options)

    world.store.read, world.store.write = slow, counted  # type: ignore[method-assign]
    world.turn(75)
    assert len(writes) == 2
    states = world.store.run(lambda tx: alarms.states(tx, *WHERE, names))
    assert [name for name, state in states.items() if state is not OK] == ["c050"]
    world.store.read = read  # type: ignore[method-assign]
    world.turn(135)
    assert (world.state("c050"), len(writes)) == (OK, 3)


def test_actions_are_carried_out_in_order_and_written_down(world: World) -> None:
    firing = Firing(*WHERE, "errors", AlarmKind.METRIC, TOPIC, ALARM, NOW, "{}")
    after = replace(firing, state=OK)
    world.store.run(lambda tx: alarm_queue.put(tx, [firing, after]), write=True)
    world.failures = [ActionFailedError("away", again=True)]
    world.carry_out()
    assert world.done == []
    (wait,) = world.carry_out()
    assert wait.total_seconds() == 5.0
    world.time += 5
    for _ in range(3):
        world.carry_out()
    assert [each.state for each in world.done] == [ALARM, OK]
    assert world.history() == [f"Successfully executed action {TOPIC}"] * 2
    assert asyncio.run(world.reconciler.reconcile(firing.line)) is None


def test_an_action_that_fails_is_given_up_and_written_down(world: World) -> None:
    firing = Firing(*WHERE, "errors", AlarmKind.METRIC, TOPIC, ALARM, NOW, "{}", repeated=True)
    other = replace(firing, action="arn:aws:lambda:us-east-1:123456789012:function:x")
    world.store.run(lambda tx: alarm_queue.put(tx, [firing, other]), write=True)
    world.failures = [ActionFailedError("away", again=True) for _ in range(9)]
    for _ in range(9):
        world.carry_out()
        world.time += 30
    assert len(world.failures) == 6, "it is tried three times"
    assert sorted(world.history()) == [
        f"Failed to execute action {other.action}",
        f"Failed to execute action {TOPIC}",
    ]


def test_an_action_waits_for_no_clock_that_was_set_back(world: World) -> None:
    """The longest pause between two tries is 30 seconds."""
    firing = Firing(*WHERE, "errors", AlarmKind.METRIC, TOPIC, ALARM, NOW, "{}")
    world.store.run(lambda tx: alarm_queue.put(tx, [firing]), write=True)
    world.time = NOW - 30
    (wait,) = world.carry_out()
    assert (wait.total_seconds(), world.done) == (30.0, [])
    world.time = NOW - 86_400
    world.carry_out()
    assert world.done == [firing]


def test_an_action_is_not_lost_if_its_outcome_cannot_be_written(world: World) -> None:
    firing = Firing(*WHERE, "errors", AlarmKind.METRIC, TOPIC, ALARM, NOW, "{}")
    world.store.run(lambda tx: alarm_queue.put(tx, [firing]), write=True)
    write = world.store.write

    async def full(*_: Any, **__: Any) -> Any:
        raise StoreUnavailableError("disk is full")

    world.store.write = full  # type: ignore[method-assign, assignment]
    with pytest.raises(StoreUnavailableError):
        world.carry_out()
    world.store.write = write  # type: ignore[method-assign]
    world.restart()
    world.carry_out()
    assert world.done == [firing, firing], "at least once"
    assert world.carry_out() == []


def test_old_history_goes(world: World) -> None:
    world.put(ONE)
    world.count(0, 9.0)
    world.turn(75)
    assert world.history()
    world.turn(40 * 86_400)
    assert "Alarm updated from INSUFFICIENT_DATA to ALARM" not in world.history()


def test_alarms_wait_half_a_minute_at_most_for_what_was_counted_before(world: World) -> None:
    world.put(ONE)
    world.count(0, 5)
    world.time = NOW + 75

    async def story() -> list[AlarmState]:
        life = asyncio.create_task(world.evaluator.run())
        found = []
        for seconds in (29, 2):
            await asyncio.sleep(seconds)
            found.append(world.state())
        life.cancel()
        return found

    assert virtual.run(story()) == [NO_DATA, ALARM]
