"""An endpoint's planner against every order of events that hypothesis can think of.

The machine is the world in small: rows in a dictionary, instances that do what they are told, and
gateways that acknowledge when they please. It has no controller, unlike a seed's world: plans
come at any moment, and failures shrink to the shortest story.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hostler.domain import lifecycle
from hostler.domain.alarm import AlarmState
from hostler.domain.endpoint import Deployment, Endpoint, EndpointStatus, RolloutStage, Variant
from hostler.domain.ids import (
    DEFAULT_ACCOUNT,
    DEFAULT_REGION,
    DeploymentId,
    EndpointId,
    InstanceId,
    sagemaker_arn,
)
from hostler.domain.instance import Exit, FailureCause, InstanceRecord, Observation, Phase
from hostler.domain.instance_types import INSTANCE_TYPES
from hostler.domain.model import Container, Model
from hostler.planning import endpoint as planning
from hostler.planning.deadlines import ACK_PATIENCE_S
from hostler.planning.plan import (
    Exposure,
    LaunchInstance,
    Plan,
    RemoveInstance,
    Situation,
    StopInstance,
)
from hostler.planning.sizing import Wish, granted

OWNER = EndpointId("e-1")
STEPS_TO_REST = 60
WATCHED = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "a"}]}}


def blue_green(routing: dict[str, Any], **more: Any) -> dict[str, Any]:
    wait = {"WaitIntervalInSeconds": 30}
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing | wait, **more}}


HALF = {"Type": "CAPACITY_PERCENT", "Value": 50}
CONFIGS: list[dict[str, Any] | None] = [
    None,
    WATCHED,
    blue_green({"Type": "ALL_AT_ONCE"}, TerminationWaitInSeconds=30),
    blue_green({"Type": "CANARY", "CanarySize": HALF}, MaximumExecutionTimeoutInSeconds=600),
    blue_green({"Type": "LINEAR", "LinearStepSize": HALF}) | WATCHED,
]
E = EndpointStatus


@dataclass
class Instance:
    phase: Phase
    deployment: str
    cause: FailureCause | None = None
    was_ready: bool = False
    started: float = 0.0


@dataclass
class Gateways:
    """What was published and not yet acknowledged by all, oldest first."""

    pending: list[frozenset[str]] = field(default_factory=list)
    changed: float = 0.0
    weights: dict[tuple[str, str], float] = field(default_factory=dict)
    agreed: bool = False

    def publish(
        self, ids: frozenset[str], weights: dict[tuple[str, str], float], now: float
    ) -> None:
        if not self.pending or (self.pending[-1], self.weights) != (ids, weights):
            self.pending.append(ids)
            self.weights, self.agreed, self.changed = weights, False, now

    def acknowledge(self) -> None:
        self.pending, self.agreed = self.pending[-1:], True

    def exposure(self, now: float) -> Exposure:
        if not self.pending:
            return Exposure(frozenset(), None, None, now)
        certain, possible = frozenset.intersection(*self.pending), frozenset().union(*self.pending)
        last = self.pending[-1]
        return Exposure(certain, possible, last, self.changed, self.weights, self.agreed)


class EndpointLife(RuleBasedStateMachine):
    """Rules are what befalls an endpoint; ``plan`` and what follows from it is one of them."""

    @initialize(counts=st.lists(st.integers(1, 2), min_size=1, max_size=2))
    def create(self, counts: list[int]) -> None:
        self.now = 1_700_000_000.0
        self.instances: dict[InstanceId, Instance] = {}
        self.records: dict[InstanceId, InstanceRecord] = {}
        self.deployments: dict[DeploymentId, Deployment] = {}
        self.gateways = Gateways([frozenset()])
        self.routed: set[str] = set()
        self.plan: Plan | None = None
        self.gone = False
        self.alarms: dict[str, AlarmState] = {"a": AlarmState.OK}
        deployment = self.deployed(counts)
        self.endpoint = Endpoint(
            id=OWNER,
            account=DEFAULT_ACCOUNT,
            region=DEFAULT_REGION,
            name="life",
            arn=sagemaker_arn(DEFAULT_REGION, DEFAULT_ACCOUNT, "endpoint", "life"),
            status=E.CREATING,
            config_name=deployment.config_name,
            created=self.now,
            modified=self.now,
            version=1,
            target=deployment.id,
        )

    def deployed(self, counts: list[int], config: dict[str, Any] | None = None) -> Deployment:
        number = len(self.deployments) + 1
        image = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/model:{number}"
        model = Model(f"m-{number}", Container(image), "arn:aws:iam::123456789012:role/r")
        variants = tuple(
            Variant(f"v{index}", model, INSTANCE_TYPES["ml.m5.large"], count)
            for index, count in enumerate(counts)
        )
        made = Deployment(
            DeploymentId(f"d-{number}"),
            OWNER,
            f"c-{number}",
            variants,
            self.now + number,
            config,
        )
        self.deployments[made.id] = made
        return made

    @precondition(lambda self: self.endpoint.status is E.IN_SERVICE and not self.gone)
    @rule(
        counts=st.lists(st.integers(1, 2), min_size=1, max_size=2), config=st.sampled_from(CONFIGS)
    )
    def update(self, counts: list[int], config: dict[str, Any] | None) -> None:
        deployment = self.deployed(counts, config)
        lifecycle.check(self.endpoint.status, E.UPDATING)
        self.endpoint = replace(
            self.endpoint,
            status=E.UPDATING,
            target=deployment.id,
            failure_reason=None,
            update_started=self.now,
        )

    @precondition(lambda self: self.endpoint.status is E.IN_SERVICE and not self.gone)
    @rule(
        weights=st.lists(st.sampled_from((None, 0.0, 3.0)), min_size=2, max_size=2),
        counts=st.lists(st.sampled_from((None, 1, 2, 3)), min_size=2, max_size=2),
    )
    def resize(self, weights: list[float | None], counts: list[int | None]) -> None:
        run = self.deployments[self.endpoint.current or DeploymentId("")]
        both = zip(weights, counts, strict=True)
        wishes = {f"v{index}": Wish(*wish) for index, wish in enumerate(both)}
        self.endpoint = replace(
            self.endpoint,
            status=E.UPDATING,
            asked=granted(run, self.endpoint.sizes, wishes),
            failure_reason=None,
            update_started=self.now,
        )

    @precondition(lambda self: self.endpoint.status in (E.IN_SERVICE, E.FAILED) and not self.gone)
    @rule()
    def delete(self) -> None:
        self.endpoint = replace(self.endpoint, status=E.DELETING, deleting=True)

    @rule(state=st.sampled_from([None, *AlarmState]))
    def an_alarm_changes(self, state: AlarmState | None) -> None:
        self.alarms = {} if state is None else {"a": state}

    @rule(seconds=st.sampled_from((0.3, 1.0, 7.0, ACK_PATIENCE_S, 100.0, 500.0)))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def the_clock_is_set_back(self) -> None:
        self.now -= 3600.0
        self.gateways.changed = min(self.gateways.changed, self.now)

    @rule()
    def gateways_acknowledge(self) -> None:
        self.gateways.acknowledge()

    @rule(data=st.data(), cause=st.sampled_from(list(FailureCause)))
    def an_instance_dies(self, data: st.DataObject, cause: FailureCause) -> None:
        alive = [i for i in self.instances.values() if i.phase is not Phase.EXITED]
        if alive:
            instance = data.draw(st.sampled_from(alive))
            instance.phase, instance.cause = Phase.EXITED, cause

    @rule(data=st.data())
    def an_instance_gets_on(self, data: st.DataObject) -> None:
        instances = list(self.instances.values())
        if instances:
            self.get_on(data.draw(st.sampled_from(instances)))

    @rule()
    def all_instances_get_on(self) -> None:
        for instance in self.instances.values():
            self.get_on(instance)

    def get_on(self, instance: Instance) -> None:
        match instance.phase:
            case Phase.PREPARING:
                instance.phase, instance.started = Phase.STARTING, self.now
            case Phase.STARTING:
                instance.phase, instance.was_ready = Phase.READY, True
            case Phase.STOPPING:
                instance.phase, instance.cause = Phase.EXITED, FailureCause.EXITED
            case _:
                pass

    @precondition(lambda self: not self.gone)
    @rule(crash=st.sampled_from(("", "", "before acting", "before publishing")))
    def reconcile(self, crash: str) -> None:
        """Plan, write, publish, act; the control plane may die between any two of these."""
        plan = planning.plan(self.situation())
        before, self.plan, self.endpoint = self.endpoint.status, plan, plan.endpoint
        assert self.endpoint.status is before or self.endpoint.status in lifecycle.ENDPOINT[before]
        self.records |= {record.id: record for record in plan.records}
        for instance_id in plan.dropped:
            del self.records[instance_id]
        for deployment_id in plan.forgotten:
            del self.deployments[deployment_id]
        self.gone = plan.gone
        if crash == "before publishing":
            return
        self.publish(plan)
        if not crash:
            for action in plan.actions:
                self.act(action)

    def situation(self) -> Situation:
        return Situation(
            endpoint=self.endpoint,
            deployments=self.deployments,
            records=tuple(self.records.values()),
            observations=tuple(self.observed()),
            exposure=self.gateways.exposure(self.now),
            now=self.now,
            alarms=self.alarms,
        )

    def observed(self) -> Iterator[Observation]:
        for instance_id, instance in self.instances.items():
            ended = Exit(instance.cause, "why", self.now) if instance.cause else None
            started = self.now - max(0.0, self.now - instance.started)
            yield Observation(
                instance_id,
                OWNER,
                instance.phase,
                sockets=(f"/i/{instance_id}/s/w0.sock",) if instance.phase is Phase.READY else (),
                starting_since=started if instance.phase is Phase.STARTING else None,
                exit=ended,
            )

    def publish(self, plan: Plan) -> None:
        route = plan.route
        targets = [t for v in route.variants for t in v.targets] if route else []
        for target in targets:
            assert self.instances[InstanceId(target.instance_id)].was_ready
        shares: dict[str, float] = {}
        for variant in route.variants if route else ():
            shares[variant.deployment] = variant.share
            for target in variant.targets:
                instance = self.instances[InstanceId(target.instance_id)]
                assert instance.deployment == variant.deployment
        assert shares.keys() <= {self.endpoint.current, self.endpoint.target}
        assert not shares or sum(shares.values()) == 1.0
        for run, share in shares.items():
            if share > 0.0 and run not in self.routed:
                variants = self.deployments[DeploymentId(run)].variants
                have = [len(v.targets) for v in route.variants if v.deployment == run]
                assert have == [v.initial_instance_count for v in variants]
                self.routed.add(run)
        weights = {(v.deployment, v.name): v.weight for v in route.variants} if route else {}
        self.gateways.publish(frozenset(t.instance_id for t in targets), weights, self.now)

    def act(self, action: object) -> None:
        match action:
            case LaunchInstance(spec):
                assert spec.instance_id in self.records
                run = self.records[spec.instance_id].deployment_id
                self.instances.setdefault(spec.instance_id, Instance(Phase.PREPARING, run))
            case StopInstance(instance_id, grace_s):
                self.stop(self.instances[instance_id], instance_id, grace_s)
            case RemoveInstance(instance_id):
                assert self.instances.pop(instance_id).phase is Phase.EXITED
            case _:
                raise AssertionError(action)

    def stop(self, instance: Instance, instance_id: InstanceId, grace_s: float) -> None:
        if instance.phase is Phase.READY and instance_id in self.gateways.exposure(0.0).possible:
            waited = self.now - self.gateways.changed
            assert waited >= ACK_PATIENCE_S, "stopped while a gateway may send to it"
        if grace_s == 0.0:
            instance.phase, instance.cause = Phase.EXITED, FailureCause.KILLED
        elif instance.phase is not Phase.EXITED:
            instance.phase = Phase.STOPPING

    @invariant()
    def describe_is_possible(self) -> None:
        plan = self.plan
        if plan is None or plan.endpoint != self.endpoint:
            return
        end, view = plan.endpoint, plan.view
        assert (end.status is E.FAILED) <= (end.failure_reason is not None)
        assert bool(view.pending) <= (end.status in (E.CREATING, E.UPDATING))
        if end.status is E.IN_SERVICE:
            assert end.current is not None
            assert end.current == end.target
            assert end.config_name == self.deployments[end.current].config_name
            assert end.asked is None
            assert view.variants
        resizing = end.target == end.current and end.status is not E.IN_SERVICE
        for variant in (*view.variants, *view.pending):
            assert variant.current_count >= 0
            assert resizing or variant.current_count <= variant.desired_count
            assert len(variant.statuses) <= 5
        if end.rollout and end.rollout.stage is RolloutStage.DRAINING:
            assert end.current == end.target

    def teardown(self) -> None:
        """However it stands: left alone, it comes to rest."""
        if not hasattr(self, "endpoint"):
            return
        for _ in range(STEPS_TO_REST):
            if self.gone:
                break
            self.all_instances_get_on()
            self.gateways_acknowledge()
            self.now += 70.0
            self.reconcile("")
        if self.endpoint.deleting:
            assert self.gone
            assert not self.instances
            return
        assert self.endpoint.status in (E.IN_SERVICE, E.FAILED)
        ready = {key for key, each in self.instances.items() if each.phase is Phase.READY}
        assert ready == self.instances.keys() == self.records.keys()
        if self.endpoint.status is E.FAILED:
            assert not self.instances
        else:
            run = self.deployments[self.endpoint.current or DeploymentId("")]
            sizes = granted(run, self.endpoint.sizes, {})
            assert len(ready) == sum(size.count for size in sizes.values())
            assert self.gateways.weights == {
                (run.id, name): size.weight for name, size in sizes.items()
            }
            assert self.gateways.pending[-1] == ready


EndpointLife.TestCase.settings = settings(
    max_examples=120, stateful_step_count=40, deadline=None, derandomize=False
)
TestEndpointLife = EndpointLife.TestCase
