"""A client of the simulated world: asks for endpoints as the API would, and remembers it.

Invariant: what is expected changes in the same transaction as the request, so a control plane that
dies around the commit leaves no doubt about what was asked.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Protocol, TypeVar

from hostler.domain.endpoint import Deployment, Endpoint, EndpointStatus, Variant
from hostler.domain.ids import (
    DEFAULT_ACCOUNT,
    DEFAULT_REGION,
    DeploymentId,
    EndpointId,
    sagemaker_arn,
)
from hostler.domain.instance import FailureCause, InstanceSpec
from hostler.domain.instance_types import INSTANCE_TYPES
from hostler.domain.model import Container, Model
from hostler.domain.serverless import Serverless, environment_type
from hostler.planning.sizing import Wish, granted
from hostler.sim import policies
from hostler.sim.backend import Boot
from hostler.sim.faults import ControlPlaneDiedError
from hostler.sim.policies import QUICK, UNGUARDED, Pace, Policy
from hostler.sim.sizes import BySize, Sizes
from hostler.store import capacities, endpoints, preparations, tags
from hostler.store.database import StoreUnavailableError, Transaction

T = TypeVar("T")

SLEEPY_S = 60.0
"""The longest pause between two requests to what is serverless, which is to sleep meanwhile."""
STUCK = 0.5
"""The share of those with alarms for which the old instances cannot be started again."""
REPAIRS = 0.8
FULL = 0.25
"""The share of changed counts for which the machine turns out to have no memory."""
STARTUP_TIMEOUT_S = 30.0
SLOW_PREPARATION_S = 35.0
"""Longer than the start-up time-out, which it must not count towards."""


class Kind(StrEnum):
    """How a deployment's model behaves."""

    GOOD = "good"
    SLOW_TO_PREPARE = "slow-to-prepare"
    FLAKY = "flaky"
    """The first launches fail for reasons that lie outside it."""
    BROKEN = "broken"
    """Fails for a cause that will not go away."""
    CRASHING = "crashing"
    """Fails the same way each time, for a cause that might go away."""
    DEAF = "deaf"
    """Starts and never answers."""


ONE = ("AllTraffic",)


@dataclass(frozen=True, slots=True)
class Habits:
    """What the client asks for."""

    resizes: float = 0.35
    updates: float = 0.75
    """Up to these, requests to a serving endpoint change its weights and counts, or its config; the
    others delete it."""
    kinds: tuple[Kind, ...] = tuple(Kind)
    counts: tuple[int, ...] = (1, 1, 2, 2, 3)
    """Of a variant's instances."""
    names: tuple[tuple[str, ...], ...] = (ONE, ONE, ("Variant-A", "Variant-B"))
    """Of a deployment's variants."""
    policy: Policy | None = None
    """Of every update; None is any."""
    plain: float = policies.PLAIN
    """The share of updates without any guardrail."""
    rolls: float = 0.3
    """The share of updates of one variant that are rolling."""


AT_REST = frozenset(
    {EndpointStatus.IN_SERVICE, EndpointStatus.FAILED, EndpointStatus.UPDATE_ROLLBACK_FAILED}
)
CAREFUL = Habits(resizes=0.1, updates=0.95, plain=0.0, rolls=0.6)
"""All but everything is a deployment with guardrails."""
COMES_UP = frozenset({Kind.GOOD, Kind.SLOW_TO_PREPARE, Kind.FLAKY})


@dataclass(frozen=True, slots=True)
class Expected:
    """What a name should come to: serving this deployment, having failed, or (None) being gone."""

    endpoint_id: EndpointId
    serving: DeploymentId | None
    reason: bool
    """Whether a FailureReason is due."""
    sizes: BySize = field(default_factory=dict)
    """Of the variants of what serves."""
    instead: DeploymentId | None = None
    """What may serve as well, with a FailureReason: an alarm or the time may have decided so."""
    mixed: bool = False
    """Whether another deployment serves beside it, since a rollback failed."""


class Api(Protocol):
    """The living control plane's store and queue, as the client reaches them."""

    async def write(self, transaction: Callable[[Transaction], T]) -> T: ...

    def wake(self, key: str) -> None: ...

    def now(self) -> float: ...


@dataclass(slots=True)
class Client:
    """Uses a few names for as long as the faults last.

    ``reach`` gives the control plane of the moment, or None while there is none.
    """

    rng: Random
    reach: Callable[[], Api | None]
    habits: Habits = Habits()
    slow_boots: bool = False
    hung_stops: float = 0.0
    impatient: bool = False
    """Whether deployments may run out of time."""
    troubled: bool = False
    """Whether alarms may go off."""
    serverless: bool = False
    """Whether its endpoints are."""
    pace: Pace = QUICK
    policies: dict[DeploymentId, Policy] = field(default_factory=dict)
    asked_at: dict[DeploymentId, float] = field(default_factory=dict)
    """When (the loop's time)."""
    expected: dict[str, Expected | None] = field(default_factory=dict)
    deployments: dict[DeploymentId, Deployment] = field(default_factory=dict)
    kinds: dict[str, Kind] = field(default_factory=dict)
    """By image: each deployment has its own."""
    flaws: dict[str, int] = field(default_factory=dict)
    sizes: Sizes = field(default_factory=Sizes)
    full: set[str] = field(default_factory=set)
    """Images of which no further instance has room."""

    async def use(self, name: str, until_s: float) -> None:
        """Ask for this and that until the time is up."""
        loop = asyncio.get_running_loop()
        pause_s_max = SLEEPY_S if self.serverless else self.pace.pause_s_max
        while loop.time() < until_s:
            await asyncio.sleep(self.rng.uniform(0.2, pause_s_max))
            api = self.reach()
            if api is not None:
                with contextlib.suppress(StoreUnavailableError, ControlPlaneDiedError):
                    await self._ask(api, name)

    async def _ask(self, api: Api, name: str) -> None:
        choice, now = self.rng.random(), api.now()

        def request(tx: Transaction) -> list[str]:
            endpoint = endpoints.get(tx, DEFAULT_ACCOUNT, DEFAULT_REGION, name)
            match endpoint.status if endpoint else None:
                case None:
                    return [self._create(tx, name, now), _prepared(tx, name)]
                case EndpointStatus.IN_SERVICE | EndpointStatus.UPDATE_ROLLBACK_FAILED if (
                    endpoint and choice < self.habits.resizes and capacities.is_changeable(endpoint)
                ):
                    return [self._resize(tx, endpoint, now)]
                case EndpointStatus.IN_SERVICE if endpoint and choice < self.habits.updates:
                    return [self._update(tx, endpoint, now), _prepared(tx, name)]
                case EndpointStatus.UPDATE_ROLLBACK_FAILED if endpoint and choice < REPAIRS:
                    return [self._update(tx, endpoint, now)]
                case EndpointStatus() if endpoint and endpoint.status in AT_REST:
                    self.expected[name] = None
                    return [endpoints.request_delete(tx, endpoint, now).id]
                case _:
                    return []

        for key in await api.write(request):
            api.wake(key)

    def _create(self, tx: Transaction, name: str, now: float) -> EndpointId:
        endpoint_id = EndpointId(f"e-{self.rng.getrandbits(48):012x}")
        deployment = self._deployment(endpoint_id, now, self._variants(), UNGUARDED)
        arn = sagemaker_arn(DEFAULT_REGION, DEFAULT_ACCOUNT, "endpoint", name)
        endpoint = Endpoint(
            id=endpoint_id,
            account=DEFAULT_ACCOUNT,
            region=DEFAULT_REGION,
            name=name,
            arn=arn,
            status=EndpointStatus.CREATING,
            config_name=deployment.config_name,
            created=now,
            modified=now,
            version=1,
            target=deployment.id,
        )
        endpoints.create(tx, endpoint, deployment)
        tags.replace(tx, arn, {"life": endpoint_id})
        up = self._comes_up(deployment)
        serving = deployment.id if up else None
        sizes = self.sizes.at_rest(deployment.id)
        self.expected[name] = Expected(endpoint_id, serving, reason=not up, sizes=sizes)
        return endpoint_id

    def _update(self, tx: Transaction, endpoint: Endpoint, now: float) -> EndpointId:
        rng, current = self.rng, self.deployments[endpoint.current or DeploymentId("")]
        single = len(current.variants) == 1 and not self.serverless
        rolls = self.habits.policy is None and single and rng.random() < self.habits.rolls
        names = tuple(variant.name for variant in current.variants) if rolls else None
        variants = self._variants(names)
        policy = self.habits.policy or policies.drawn(rng, self.pace, self.habits.plain)
        if rolls:
            policy = policies.rolling(rng, self.pace, variants[0].initial_instance_count)
        if self.serverless or (policy.timeout_s is not None and not self.impatient):
            policy = UNGUARDED
        deployment = self._deployment(endpoint.id, now, variants, policy)
        endpoints.request_update(tx, endpoint, deployment, now)
        up = self._comes_up(deployment)
        serving = deployment.id if up else current.id
        doubtful = bool(policy.alarms and self.troubled) or policy.timeout_s is not None
        if rolls and doubtful and rng.random() < STUCK:
            self.full.add(current.variants[0].model.container.image)
        self.expected[endpoint.name] = Expected(
            endpoint.id,
            serving,
            reason=not up,
            sizes=self.sizes.at_rest(serving),
            instead=current.id if doubtful else None,
            mixed=not up and endpoint.beside is not None,
        )
        return endpoint.id

    def _resize(self, tx: Transaction, endpoint: Endpoint, now: float) -> EndpointId:
        rng, current = self.rng, endpoint.current or DeploymentId("")
        deployment, before = self.deployments[current], self.sizes.at_rest(current)
        wishes = {variant.name: self._wish() for variant in deployment.variants}
        asked = granted(deployment, endpoint.sizes, wishes)
        endpoints.request_sizes(tx, endpoint, asked, now)
        self.sizes.ask(current, asked)
        grows = any(asked[name].count > before[name].count for name in asked)
        fails = grows and not self.serverless and rng.random() < FULL
        if fails:
            self.full.add(deployment.variants[0].model.container.image)
        self.expected[endpoint.name] = Expected(
            endpoint.id, current, reason=fails, sizes=before if fails else asked
        )
        return endpoint.id

    def _wish(self) -> Wish:
        rng = self.rng
        if self.serverless:
            return Wish(count=rng.choice((None, 0, 1, 2)), max_concurrency=rng.choice((2, 3, 5)))
        return Wish(weight=rng.choice((None, 0.0, 1.0, 4.0)), count=rng.choice((None, 1, 2, 3, 4)))

    def in_service(self, endpoint: Endpoint) -> BySize:
        """An endpoint was told to have come to rest: the sizes that it must have."""
        expected, current = self.expected[endpoint.name], endpoint.current
        if expected is None or current is None:
            return {}
        if current == expected.instead:
            sizes = self.sizes.at_rest(current)
            expected = Expected(endpoint.id, current, reason=True, sizes=sizes)
            self.expected[endpoint.name] = expected
        self._rested(current, expected.sizes)
        return expected.sizes

    def stuck(self, endpoint: Endpoint) -> bool:
        """It was told to serve by two deployments; whether that may be."""
        expected, current = self.expected[endpoint.name], endpoint.current
        if expected is None or current is None or endpoint.beside is None:
            return False
        self.expected[endpoint.name] = Expected(
            endpoint.id, current, reason=True, sizes=endpoint.sizes, mixed=True
        )
        self._rested(current, endpoint.sizes)
        return current in (expected.serving, expected.instead)

    def _rested(self, current: DeploymentId, sizes: BySize) -> None:
        self.sizes.settle(current, sizes)
        self.full.discard(self.deployments[current].variants[0].model.container.image)

    def _variants(self, names: tuple[str, ...] | None = None) -> tuple[Variant, ...]:
        rng = self.rng
        kind = Kind.GOOD if rng.random() < 0.55 else rng.choice(self.habits.kinds)
        number = len(self.deployments) + 1
        image = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/sim-{kind}:{number}"
        self.kinds[image] = kind
        self.flaws[image] = rng.randint(1, 2)
        model = Model(f"model-{number}", Container(image), "arn:aws:iam::123456789012:role/sim")
        if self.serverless:
            return (_sleeper(rng, model),)
        some = rng.choice(self.habits.names)
        return tuple(
            Variant(
                name=name,
                model=model,
                instance_type=INSTANCE_TYPES["ml.m5.large"],
                initial_instance_count=rng.choice(
                    self.habits.counts if names is None else (2, 3, 4)
                ),
                weight=rng.choice((0.0, 0.5, 1.0, 2.5)),
                startup_timeout_s=STARTUP_TIMEOUT_S,
                shadow=name == "Variant-B" and number % 3 == 0,
            )
            for name in names or some
        )

    def _deployment(
        self, endpoint_id: EndpointId, now: float, variants: tuple[Variant, ...], policy: Policy
    ) -> Deployment:
        number = len(self.deployments) + 1
        made = Deployment(
            id=DeploymentId(f"d-{number}"),
            endpoint_id=endpoint_id,
            config_name=f"config-{number}",
            variants=variants,
            created=now,
            deployment_config=policy.config,
        )
        self.deployments[made.id] = made
        self.policies[made.id] = policy
        self.asked_at[made.id] = asyncio.get_running_loop().time()
        self.sizes.begin(made)
        return made

    def _comes_up(self, deployment: Deployment) -> bool:
        return self.kinds[deployment.variants[0].model.container.image] in COMES_UP

    def boot(self, spec: InstanceSpec, launch: int) -> Boot:
        """How a launch goes: the backend's script."""
        rng, image = self.rng, spec.container.image
        kind = self.kinds[image]
        fails = None
        if kind is Kind.BROKEN:
            fails = rng.choice((FailureCause.IMPORT_ERROR, FailureCause.NO_HANDLER))
        elif kind is Kind.CRASHING:
            fails = FailureCause.MODEL_LOAD
        elif image in self.full:
            fails = FailureCause.OUT_OF_MEMORY
        elif kind is Kind.FLAKY and launch <= self.flaws[image]:
            fails = rng.choice((FailureCause.PLATFORM, FailureCause.KILLED))
        return Boot(
            prepare_s=SLOW_PREPARATION_S
            if kind is Kind.SLOW_TO_PREPARE and launch == 1
            else rng.uniform(0.0, 1.0),
            start_s=rng.uniform(0.0, 9.0 if self.slow_boots else 1.0),
            drain_s=rng.uniform(0.0, 3.0),
            fails=fails,
            deaf=kind is Kind.DEAF,
            hangs=rng.random() < self.hung_stops,
        )


def _sleeper(rng: Random, model: Model) -> Variant:
    provisioned = rng.choice((0, 0, 0, 1))
    return Variant(
        name="AllTraffic",
        model=model,
        instance_type=environment_type(1024),
        initial_instance_count=provisioned,
        startup_timeout_s=STARTUP_TIMEOUT_S,
        serverless=Serverless(1024, rng.choice((2, 3, 8)), provisioned),
    )


def _prepared(tx: Transaction, name: str) -> str:
    """CreateModel's part: a model to make ready, which no endpoint waits for."""
    arn = sagemaker_arn(DEFAULT_REGION, DEFAULT_ACCOUNT, "model", name)
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sim-ahead:1"
    role = "arn:aws:iam::123456789012:role/sim"
    preparations.ask(tx, arn, Model(name, Container(image), role))
    return arn
