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
from hostler.sim.backend import Boot
from hostler.sim.faults import ControlPlaneDiedError
from hostler.sim.sizes import BySize, Sizes
from hostler.store import endpoints, preparations, tags
from hostler.store.database import StoreUnavailableError, Transaction

T = TypeVar("T")

RESIZES = 0.35
UPDATES = 0.75
"""Up to these, requests to a serving endpoint change its weights and counts, or its config; the
others delete it."""
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
    slow_boots: bool = False
    hung_stops: float = 0.0
    serverless: bool = False
    """Whether its endpoints are."""
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
        while loop.time() < until_s:
            await asyncio.sleep(self.rng.uniform(0.2, 9.0))
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
                case EndpointStatus.IN_SERVICE if endpoint and choice < RESIZES:
                    return [self._resize(tx, endpoint, now)]
                case EndpointStatus.IN_SERVICE if endpoint and choice < UPDATES:
                    return [self._update(tx, endpoint, now), _prepared(tx, name)]
                case EndpointStatus.IN_SERVICE | EndpointStatus.FAILED if endpoint:
                    self.expected[name] = None
                    return [endpoints.request_delete(tx, endpoint, now).id]
                case _:
                    return []

        for key in await api.write(request):
            api.wake(key)

    def _create(self, tx: Transaction, name: str, now: float) -> EndpointId:
        endpoint_id = EndpointId(f"e-{self.rng.getrandbits(48):012x}")
        deployment = self._deployment(endpoint_id, now)
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
        deployment = self._deployment(endpoint.id, now)
        endpoints.request_update(tx, endpoint, deployment, now)
        up = self._comes_up(deployment)
        serving = deployment.id if up else endpoint.current
        sizes = self.sizes.at_rest(serving or deployment.id)
        self.expected[endpoint.name] = Expected(endpoint.id, serving, reason=not up, sizes=sizes)
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
        self.sizes.settle(current, expected.sizes)
        self.full.discard(self.deployments[current].variants[0].model.container.image)
        return expected.sizes

    def _deployment(self, endpoint_id: EndpointId, now: float) -> Deployment:
        rng = self.rng
        number = len(self.deployments) + 1
        kind = Kind.GOOD if rng.random() < 0.55 else rng.choice(list(Kind))
        image = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/sim-{kind}:{number}"
        self.kinds[image] = kind
        self.flaws[image] = rng.randint(1, 2)
        model = Model(f"model-{number}", Container(image), "arn:aws:iam::123456789012:role/sim")
        variants = (_sleeper(rng, model),) if self.serverless else self._variants(model, number)
        made = Deployment(
            id=DeploymentId(f"d-{number}"),
            endpoint_id=endpoint_id,
            config_name=f"config-{number}",
            variants=variants,
            created=now,
        )
        self.deployments[made.id] = made
        self.sizes.begin(made)
        return made

    def _variants(self, model: Model, number: int) -> tuple[Variant, ...]:
        rng = self.rng
        return tuple(
            Variant(
                name=name,
                model=model,
                instance_type=INSTANCE_TYPES["ml.m5.large"],
                initial_instance_count=rng.choice((1, 1, 2, 2, 3)),
                weight=rng.choice((0.0, 0.5, 1.0, 2.5)),
                startup_timeout_s=STARTUP_TIMEOUT_S,
                shadow=name == "Variant-B" and number % 3 == 0,
            )
            for name in rng.choice((("AllTraffic",), ("AllTraffic",), ("Variant-A", "Variant-B")))
        )

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
