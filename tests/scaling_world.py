"""The control plane with alarms and scaling, a fake backend and a load, all in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import Any, TypeAlias

from hostler.app.scaling import Scaling
from hostler.control.alarm_actions import ActionReconciler
from hostler.control.alarms import AlarmEvaluator
from hostler.control.controller import Controller
from hostler.control.plane import ControlPlane, Surroundings
from hostler.domain.config import Quotas
from hostler.domain.endpoint import Deployment, Endpoint
from hostler.domain.ids import DEFAULT_ACCOUNT, DEFAULT_REGION, Arn, InstanceId
from hostler.domain.instance import FailureCause
from hostler.domain.scaling import (
    Activity,
    AdjustmentType,
    Dimension,
    Policy,
    ScheduledAction,
    Step,
    StepScaling,
    Target,
    TargetTracking,
)
from hostler.domain.snapshot import Identities
from hostler.planning import tracking
from hostler.planning.sizing import size
from hostler.sim import loop as virtual
from hostler.sim.backend import Boot, FakeBackend
from hostler.sim.gateways import Fleet, Gateway, SlowPublisher
from hostler.sim.world import StartClock
from hostler.store import alarms, endpoints, scaling, scaling_activities, schema, tags
from hostler.store.database import Store, Transaction
from hostler.telemetry import metrics, points
from hostler.telemetry.metrics import Sample
from planning_pieces import ARN, OWNER, deployment, endpoint

START = 1_700_000_040.0
"""The beginning of a minute."""
SETTLING_S = 40.0
TARGET = Target(
    "t-1", DEFAULT_ACCOUNT, DEFAULT_REGION, "Demo", "AllTraffic", Dimension.INSTANCE_COUNT,
    min=1, max=4, created=START,
)  # fmt: skip
NAMESPACE, METRIC = "AWS/SageMaker", "InvocationsPerInstance"
_ONE_INSTANCE = deployment(1)
CRASH = FailureCause.MODEL_LOAD
OF_VARIANT = (("EndpointName", "Demo"), ("VariantName", "AllTraffic"))
_REQUEST = {
    "PredefinedMetricSpecification": {
        "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
    }
}
Measured: TypeAlias = tuple[str, str, Iterable[tuple[str, str]], float]
"""A metric's namespace, name and dimensions, and its value in a minute."""


def track(
    goal: float = 70.0,
    out_s: float = 60.0,
    in_s: float = 300.0,
    request: Mapping[str, Any] = _REQUEST,
) -> Policy:
    return Policy(
        TARGET.id, "track", Arn("arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:t"),
        START, request, tracking=TargetTracking(goal, out_s, in_s),
        high_alarm="high", low_alarm="low",
    )  # fmt: skip


def step(name: str, number: int) -> Policy:
    return Policy(
        TARGET.id, name, Arn(f"arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:{name}"),
        START, {}, step=StepScaling(AdjustmentType.CHANGE, (Step(None, None, number),), None, 60.0),
    )  # fmt: skip


@dataclass
class World:
    """One endpoint in service, and what scales its one variant."""

    store: Store
    metrics: Store
    backend: FakeBackend
    plane: ControlPlane
    clock: StartClock
    deployment: Deployment
    scaling: Scaling = field(init=False)
    quotas: Quotas = field(default_factory=Quotas)
    load: Callable[[float], float] = lambda _s: 0.0
    """Requests in a minute, by the seconds since the beginning."""
    more: Callable[[float], Iterable[Measured]] = lambda _s: ()
    """What else is measured in a minute, likewise."""
    boots: bool = True
    life: list[asyncio.Task[None]] = field(default_factory=list)

    def begin(self) -> None:
        """A life of what scales; the one before it is over, and leaves nothing but its rows."""
        for task in self.life:
            task.cancel()
        self.scaling = Scaling(
            self.store, self.metrics, self.clock, self.plane.wake, lambda: self.quotas
        )
        acting = ActionReconciler(self.store, self.clock, {"autoscaling": self.scaling.act})
        actions = Controller("alarm actions", acting.reconcile, acting.keys)
        evaluator = AlarmEvaluator(
            self.store, self.metrics, self.clock, actions.wake, caught_up=partial(asyncio.sleep, 0)
        )
        parts = (self.scaling, actions, evaluator)
        self.life = [asyncio.create_task(each.run()) for each in parts]

    def now(self) -> float:
        """Seconds since the beginning."""
        return self.clock.now() - START

    async def until(self, seconds: float) -> None:
        await asyncio.sleep(seconds - self.now())

    def register(self, *policies: Policy, target: Target = TARGET) -> None:
        """What the API writes; a tracking policy has its alarms."""

        def write(tx: Transaction) -> None:
            scaling.put_target(tx, replace(target, bounded=True))
            for policy in policies:
                scaling.put_policy(tx, policy)
                for alarm in tracking.alarms(target, policy, START) if policy.tracking else ():
                    alarms.create(tx, alarm)

        self.store.run(write, write=True)
        self.wake()

    def schedule(self, action: ScheduledAction) -> None:
        self.store.run(lambda tx: scaling.put_action(tx, action), write=True)
        self.wake()

    def wake(self) -> None:
        self.scaling.waking(self.plane.wake)(TARGET.key)

    @property
    def endpoint(self) -> Endpoint:
        found = self.store.run(lambda tx: endpoints.by_id(tx, OWNER))
        assert found is not None
        return found

    @property
    def target(self) -> Target:
        found = self.store.run(lambda tx: scaling.by_id(tx, TARGET.id))
        assert found is not None
        return found

    @property
    def desired(self) -> int:
        """Instances (of a serverless variant: provisioned) there are to be, where fulfilled."""
        (variant,) = self.deployment.variants
        return size(variant, self.endpoint.sizes).count

    def activities(self, *, not_scaled: bool = False) -> list[Activity]:
        """The oldest first."""
        found = self.store.run(
            lambda tx: scaling_activities.listed(
                tx, DEFAULT_ACCOUNT, DEFAULT_REGION, not_scaled=not_scaled
            )
        )
        return [*reversed(found)]

    async def loaded(self) -> None:
        """Count the load of each minute when it is over."""
        while True:
            minute = self.now() // 60 * 60
            await self.until(minute + 60)
            share = self.load(minute) / max(1, self.desired)
            measured = [(NAMESPACE, METRIC, OF_VARIANT, share), *self.more(minute)]
            samples = [_sample(minute, *each) for each in measured]
            now = self.clock.now()
            self.metrics.run(lambda tx, s=samples, n=now: metrics.put(tx, s, n), write=True)


def _sample(
    minute: float, namespace: str, name: str, pairs: Iterable[tuple[str, str]], value: float
) -> Sample:
    metric = metrics.metric(DEFAULT_ACCOUNT, DEFAULT_REGION, namespace, name, pairs)
    return Sample(metric, START + minute, 60, "None", points.of_values([(value, 1.0)]))


def play(story: Callable[[World], Awaitable[None]], serving: Deployment = _ONE_INSTANCE) -> None:
    """Run a story once the endpoint serves; it begins at ``SETTLING_S``."""

    async def run() -> None:
        store = Store("sqlite://", inline=True, tables=schema.metadata)
        metric_store = Store("sqlite://", inline=True, tables=metrics.metadata)
        for each in (store, metric_store):
            each.create_tables()
        clock = StartClock(START)
        world: World

        def boot(_spec: object, _launch: int) -> Boot:
            return Boot(prepare_s=1.0, start_s=2.0, fails=None if world.boots else CRASH)

        backend = FakeBackend(clock, boot)
        publisher = SlowPublisher(
            Fleet([Gateway("gateway-0")]), Random(1), 0.001, on_ack=lambda _generation: None
        )
        plane = ControlPlane(
            Surroundings(
                store=store,
                backend=backend,
                publisher=publisher,
                clock=clock,
                identities=lambda _tx: Identities(()),
                before_removal=_nothing,
                account=DEFAULT_ACCOUNT,
                region=DEFAULT_REGION,
                identities_poll_s=1e6,
            )
        )
        publisher.on_ack = plane.acknowledged
        publisher.begin()
        world = World(store, metric_store, backend, plane, clock, serving)
        store.run(lambda tx: _create(tx, serving), write=True)
        running = [asyncio.create_task(each) for each in (plane.run(None), world.loaded())]
        world.begin()
        await world.until(SETTLING_S)
        await story(world)
        running += world.life
        for task in running:
            task.cancel()
        await asyncio.sleep(0)
        await asyncio.gather(*running, return_exceptions=True)
        store.close()
        metric_store.close()

    virtual.run(run())


async def _nothing(_instance_id: InstanceId) -> None:
    return None


def _create(tx: Transaction, serving: Deployment) -> None:
    endpoints.create(tx, endpoint(created=START, modified=START), serving)
    tags.replace(tx, ARN, {})
