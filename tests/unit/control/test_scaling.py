"""Scaling over hours in virtual time: real reconcilers, alarms and stores."""

import asyncio
import math
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest

from alarm_pieces import metric_alarm
from hostler.domain.alarm import Actions, AlarmKind, AlarmState, Comparison, Firing, MetricStatistic
from hostler.domain.config import Quotas
from hostler.domain.endpoint import EndpointStatus
from hostler.domain.ids import Arn
from hostler.domain.scaling import (
    ActivityStatus,
    Cooldown,
    Dimension,
    Direction,
    NotScaled,
    ScheduledAction,
    Suspended,
)
from hostler.domain.serverless import Serverless, environment_type
from hostler.planning.sizing import Wish
from hostler.store import (
    alarms,
    capacities,
    endpoints,
    scaling,
    unscaling,
)
from planning_pieces import deployment, variant
from scaling_world import (
    METRIC,
    NAMESPACE,
    OF_VARIANT,
    START,
    TARGET,
    Measured,
    World,
    play,
    step,
    track,
)

MINUTE = 60.0


def test_the_users_policy_scales_from_one_to_four_and_back() -> None:
    """Section 6 of the document at AWS's timing: 70 a minute each, 60 s out and 300 s in."""

    async def story(world: World) -> None:
        world.load = lambda at: 280.0 if 5 * MINUTE <= at < 30 * MINUTE else 10.0
        world.register(track())
        await world.until(8 * MINUTE + 10)
        assert world.desired == 1, "three minutes of three are not complete"
        await world.until(9 * MINUTE)
        assert (world.desired, len(world.backend.instances)) == (4, 4)
        await world.until(40 * MINUTE)
        assert world.desired == 4
        await world.until(50 * MINUTE)
        assert (world.desired, world.endpoint.status) == (1, EndpointStatus.IN_SERVICE)
        out, into = world.activities()
        assert out.description == "Setting desired instance count to 4."
        assert out.cause == "monitor alarm high in state ALARM triggered policy track"
        assert out.status is ActivityStatus.SUCCESSFUL
        assert out.message == (
            "Successfully set desired instance count to 4. "
            "Change successfully fulfilled by sagemaker."
        )
        assert out.evidence["proposals"][0]["formula"] == "ceil(1 * 280 / 70) = 4"
        assert into.cause == "monitor alarm low in state ALARM triggered policy track"
        assert 45 * MINUTE < into.started - START < 47 * MINUTE
        quiet = world.activities(not_scaled=True)[-1]
        assert [reason.code for reason in quiet.reasons] == [NotScaled.AT_MIN]
        await world.until(60 * MINUTE)
        assert world.activities(not_scaled=True)[-1] == quiet, "said once, not each minute"

    play(story)


DEPTH = {
    "Namespace": "Acme",
    "MetricName": "Depth",
    "Dimensions": [{"Name": "Queue", "Value": "in"}],
}
OWN = {"CustomizedMetricSpecification": {**DEPTH, "Statistic": "Average"}}
MATH = {
    "CustomizedMetricSpecification": {
        "Metrics": [
            {"Id": "depth", "MetricStat": {"Metric": DEPTH, "Stat": "Sum"}, "ReturnData": False},
            {
                "Id": "hosts",
                "MetricStat": {
                    "Metric": {"Namespace": "Acme", "MetricName": "Hosts"},
                    "Stat": "Maximum",
                },
                "ReturnData": False,
            },
            {"Id": "each", "Expression": "depth / hosts"},
        ]
    }
}


@pytest.mark.parametrize(("given", "is_math"), [(OWN, False), (MATH, True)])
def test_a_metric_of_ones_own_and_an_expression_scale_out_and_in(
    given: dict[str, object], is_math: bool
) -> None:
    """How deep a queue is for each instance, put so or made so of two metrics."""

    async def story(world: World) -> None:
        def measured(at: float) -> list[Measured]:
            depth = 40.0 if at < 10 * MINUTE else 6.0
            hosts = ("Acme", "Hosts", (), float(world.desired))
            share = depth if is_math else depth / world.desired
            return [("Acme", "Depth", [("Queue", "in")], share), hosts]

        world.more = measured
        world.register(track(10.0, request=given))
        await world.until(3 * MINUTE - 1)
        assert world.desired == 1, "three minutes of three are not complete"
        await world.until(4 * MINUTE)
        assert (world.desired, len(world.backend.instances)) == (4, 4)
        await world.until(24 * MINUTE)
        assert world.desired == 4
        await world.until(28 * MINUTE)
        assert world.desired == 1
        out, into = world.activities()
        metric = "depth / hosts" if is_math else "Average of Acme Depth"
        assert out.evidence["alarms"][0]["metric"] == metric
        assert out.evidence["proposals"][0]["formula"] == "ceil(1 * 40 / 10) = 4"
        assert into.evidence["proposals"][0]["formula"] == "ceil(4 * 1.5 / 10) = 1"
        assert [each.status for each in (out, into)] == [ActivityStatus.SUCCESSFUL] * 2

    play(story)


def test_provisioned_concurrency_follows_its_utilization() -> None:
    """A serverless variant with one environment, of which 2.8 are busy and later half a one."""
    config = Serverless(2048, 10, 1)
    naps = replace(variant(), instance_type=environment_type(2048), serverless=config)
    metric = {"PredefinedMetricType": "SageMakerVariantProvisionedConcurrencyUtilization"}
    utilization = "ServerlessProvisionedConcurrencyUtilization"

    async def story(world: World) -> None:
        def measured(at: float) -> list[Measured]:
            busy = 2.8 if at < 20 * MINUTE else 0.5
            return [(NAMESPACE, utilization, OF_VARIANT, min(1.0, busy / world.desired))]

        world.more = measured
        policy = track(0.7, request={"PredefinedMetricSpecification": metric})
        target = replace(TARGET, dimension=Dimension.PROVISIONED_CONCURRENCY)
        world.register(policy, target=target)
        await world.until(20 * MINUTE)
        assert world.endpoint.sizes["AllTraffic"].serverless == replace(config, provisioned=4)
        assert len(world.backend.instances) == 4
        await world.until(45 * MINUTE)
        assert world.endpoint.sizes["AllTraffic"].serverless == config
        assert len(world.backend.instances) == 1
        told = world.activities()
        assert [each.capacity for each in told] == [2, 3, 4, 1]
        assert told[2].description == "Setting desired provisioned concurrency to 4."
        assert {each.status for each in told} == {ActivityStatus.SUCCESSFUL}

    play(story, deployment(1, naps))


def test_bounds_that_are_set_pull_the_capacity_at_once_and_ignore_cooldowns() -> None:
    async def story(world: World) -> None:
        holds = Cooldown(Direction.OUT, "track", 1, seconds=300, until=START + 300)
        world.register(target=replace(TARGET, min=2, cooldown=holds))
        await asyncio.sleep(10)
        world.register(target=replace(TARGET, min=1, max=1, cooldown=holds))
        await asyncio.sleep(10)
        assert world.desired == 1
        assert [each.cause for each in world.activities()] == [
            "minimum capacity was set to 2",
            "maximum capacity was set to 1",
        ]
        assert not world.target.bounded

    play(story)


def test_a_cooldown_of_before_the_clock_was_set_back_holds_back_no_scaling() -> None:
    async def story(world: World) -> None:
        ahead = Cooldown(Direction.OUT, "track", 1, seconds=60, until=START + 86_400)
        world.register(track(), target=replace(TARGET, cooldown=ahead))
        await world.until(17 * MINUTE)
        assert world.desired == 1
        (told,) = world.activities()
        assert told.evidence["cooldown"] is None

    play(story, deployment(1, variant(count=4)))


def test_a_scheduled_action_happens_at_its_time() -> None:
    async def story(world: World) -> None:
        world.register()
        action = ScheduledAction(
            TARGET.id, "morning", Arn("arn:morning"), START, "rate(10 minutes)",
            min=3, max=5, due=START + 600,
        )  # fmt: skip
        world.schedule(action)
        await world.until(599)
        assert world.desired == 1
        await world.until(620)
        assert (world.desired, world.target.min, world.target.max) == (3, 3, 5)
        set_, pulled = world.activities()
        assert set_.description == "Setting min capacity to 3 and max capacity to 5"
        assert set_.cause == "scheduled action name morning was triggered"
        assert set_.message == "Successfully set min capacity to 3 and max capacity to 5"
        assert set_.started - START < 602
        assert pulled.cause == "minimum capacity was set to 3"
        (kept,) = world.store.run(lambda tx: scaling.actions(tx, TARGET.id))
        assert kept.due == START + 1200

    play(story)


def test_a_scheduled_action_that_was_missed_happens_once_and_a_suspended_one_does_not() -> None:
    async def story(world: World) -> None:
        world.register()
        missed = ScheduledAction(
            TARGET.id, "missed", Arn("arn:m"), START - 7200, "rate(10 minutes)", min=2,
            due=START - 3600,
        )  # fmt: skip
        world.store.run(lambda tx: scaling.put_action(tx, missed), write=True)
        await asyncio.sleep(20)
        assert world.desired == 2
        assert len(world.activities()) == 2, "one for the bounds, one for the capacity"
        held = replace(TARGET, suspended=Suspended(scheduled=True))
        world.register(target=held)
        world.schedule(replace(missed, name="held", min=4, due=world.clock.now()))
        await asyncio.sleep(20)
        assert world.desired == 2

    play(story)


def test_a_bound_that_contradicts_the_other_is_told() -> None:
    async def story(world: World) -> None:
        world.register()
        due = world.clock.now()
        world.schedule(
            ScheduledAction(TARGET.id, "odd", Arn("arn:o"), START, "rate(1 day)", min=9, due=due)
        )
        await asyncio.sleep(5)
        (told,) = world.activities()
        assert told.status is ActivityStatus.FAILED
        assert told.message == (
            "Failed to set min capacity to 9. Reason: maximum capacity 4 cannot be less than "
            "minimum capacity 9"
        )
        assert world.target.min == 1

    play(story)


def test_what_cannot_be_started_fails_and_leaves_no_cooldown() -> None:
    async def story(world: World) -> None:
        world.boots = False
        world.register(target=replace(TARGET, min=2))
        await asyncio.sleep(120)
        (told,) = world.activities()
        assert told.status is ActivityStatus.FAILED
        assert told.message.startswith("Failed to set desired instance count to 2. Reason: The ")
        assert (world.desired, world.target.cooldown) == (1, None)

    play(story)


def test_a_quota_refuses_more() -> None:
    async def story(world: World) -> None:
        world.quotas = Quotas(instances=2)
        world.register(target=replace(TARGET, min=3))
        await asyncio.sleep(10)
        (told,) = world.activities()
        assert told.status is ActivityStatus.FAILED
        assert "The account-level service limit" in told.message
        assert world.desired == 1

    play(story)


def test_a_step_policy_acts_on_the_users_alarm_and_cools_down() -> None:
    async def story(world: World) -> None:
        out = step("out", 2)
        world.register(out)
        alarm = metric_alarm(
            "busy",
            metric=MetricStatistic(NAMESPACE, METRIC, OF_VARIANT, "Sum", 60),
            actions=Actions(alarm=(out.arn,)),
            threshold=50.0,
            evaluation_periods=1,
            comparison=Comparison.GREATER,
        )  # fmt: skip
        world.store.run(lambda tx: alarms.create(tx, alarm), write=True)
        world.load = lambda _at: 240.0
        await world.until(2 * MINUTE)
        assert world.desired == 3
        await world.until(8 * MINUTE)
        assert world.desired == 4, "80 each is still too many, and the maximum is 4"
        assert [each.capacity for each in world.activities()] == [3, 4]

    play(story)


def test_a_step_policys_alarm_without_data_is_told_once_as_not_scaled() -> None:
    async def story(world: World) -> None:
        out = step("out", 2)
        world.register(out)
        alarm = metric_alarm("deaf", actions=Actions(alarm=(out.arn,)))
        forced = replace(alarm, standing=replace(alarm.standing, state=AlarmState.ALARM))
        world.store.run(lambda tx: alarms.create(tx, forced), write=True)
        await asyncio.sleep(5)
        for _ in range(2):
            await world.scaling.act(firing(str(out.arn)))
        (told,) = world.activities(not_scaled=True)
        assert told.cause == "monitor alarm deaf in state ALARM triggered policy out"
        assert told.message.startswith("Not scaled. The alarm has no data points")
        assert [each.code for each in told.reasons] == [NotScaled.AT_DESIRED]
        assert world.desired == 1

    play(story)


def test_while_an_endpoint_changes_nothing_is_decided() -> None:
    async def story(world: World) -> None:
        policy = track()
        world.register(policy)
        await asyncio.sleep(5)

        def resize(tx: object) -> None:
            found = endpoints.get(tx, TARGET.account, TARGET.region, "Demo")  # type: ignore[arg-type]
            assert found is not None
            wishes = {"AllTraffic": Wish(count=2)}
            capacities.ask(tx, found, wishes, Quotas(), START)  # type: ignore[arg-type]

        world.store.run(resize, write=True)
        await world.scaling.act(firing(str(policy.arn)))
        assert world.activities(not_scaled=True) == []

    play(story)


def firing(action: str) -> Firing:
    return Firing(
        TARGET.account, TARGET.region, "high", AlarmKind.METRIC, action, AlarmState.ALARM, START, ""
    )


def test_an_action_of_a_policy_that_is_gone_or_anothers_does_nothing() -> None:
    async def story(world: World) -> None:
        policy = track()
        world.register(policy)
        await asyncio.sleep(5)
        await world.scaling.act(firing("arn:aws:autoscaling:us-east-1:123456789012:gone"))
        stranger = replace(firing(str(policy.arn)), account="111122223333")
        await world.scaling.act(stranger)
        assert world.activities(not_scaled=True) == []

    play(story)


def test_another_life_of_control_follows_what_is_under_way() -> None:
    async def story(world: World) -> None:
        world.register(target=replace(TARGET, min=2))
        await asyncio.sleep(1.2)
        (begun,) = world.activities()
        assert begun.status is ActivityStatus.IN_PROGRESS
        assert begun.message.endswith("Waiting for change to be fulfilled by sagemaker.")
        world.begin()
        await asyncio.sleep(10)
        (ended,) = world.activities()
        assert (ended.id, ended.status) == (begun.id, ActivityStatus.SUCCESSFUL)

    play(story)


def test_a_target_that_goes_meanwhile_says_so() -> None:
    async def story(world: World) -> None:
        world.register(track(), target=replace(TARGET, min=2))
        await asyncio.sleep(1.2)
        world.store.run(
            lambda tx: unscaling.deregister(tx, world_target, world.clock.now()), write=True
        )
        await asyncio.sleep(10)
        (told,) = world.activities()
        assert told.status is ActivityStatus.OVERRIDDEN
        assert "deregistered" in told.message
        assert world.desired == 2, "what was asked for of the endpoint is done"

    world_target = TARGET
    play(story)


@pytest.mark.parametrize("seed", range(4))
def test_lives_that_end_at_any_moment_leave_nothing_undone(seed: int) -> None:
    """A load that jumps, bounds that are set, and control that is started again and again."""
    rng = Random(seed)

    async def story(world: World) -> None:
        levels = [rng.choice([0.0, 100.0, 200.0, 400.0]) for _ in range(5)]
        world.load = lambda at: levels[min(len(levels) - 1, int(at // (4 * MINUTE)))]
        world.register(track(in_s=rng.choice([0.0, 300.0])))
        while world.now() < 20 * MINUTE:
            await asyncio.sleep(rng.uniform(0.2, 90))
            if rng.random() < 0.7:
                world.begin()
            if rng.random() < 0.1:
                least = rng.randint(1, 3)
                world.register(target=replace(world.target, min=least, max=least + 3))
            assert 1 <= len([*world.backend.instances]) <= 12
        await world.until(45 * MINUTE)
        told = world.activities()
        assert all(each.ended is not None for each in told), "nothing stays under way"
        assert {each.status for each in told} <= {ActivityStatus.SUCCESSFUL}
        assert not world.target.bounded
        assert world.endpoint.status is EndpointStatus.IN_SERVICE
        needed = world.target.clamped(math.ceil(levels[-1] / 70))
        assert needed <= world.desired <= world.target.max
        changes = [each.capacity for each in told if each.capacity is not None]
        assert all(before != after for before, after in pairwise([1, *changes])), changes

    play(story)
