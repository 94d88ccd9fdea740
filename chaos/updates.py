"""Updates of every kind under load: no call fails, and none finds the old version afterwards."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from chaos import verdict, versions
from chaos.load import Outcome, load, p99_ms, pause, summary
from chaos.verdict import Claim
from chaos.versions import blue_green, percent, rolling
from chaos.world import World
from deploying import settled
from running import PREFIX

OLD, NEW = "old", "new"
"""The two versions, which follow each other in turn."""
COUNT = 2
LOOKED_AFTER_S = 0.3
"""How long calls go on after each update before the next."""


class Update(NamedTuple):
    """When it was asked for and seen to be over (monotonic s), and who was to answer then."""

    asked: float
    over: float
    version: str
    said: str
    """What went otherwise than asked."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of update: its endpoint's first config, and how to ask for the other version."""

    name: str
    config: str
    ask: Callable[[World, str, str], dict[str, Any]]
    """Asks for a version of an endpoint; members that DescribeEndpoint is to have afterwards."""


def updated(world: World) -> Iterator[Claim]:
    """U1: each kind of update many times, a few endpoints side by side."""
    kinds = _kinds(world)
    with ThreadPoolExecutor(world.scale.updated_at_once) as pool:
        for claims in pool.map(partial(_again_and_again, world), kinds):
            yield from claims


def _kinds(world: World) -> Sequence[Kind]:
    wait_s = world.scale.bake_s
    models = {version: versions.model(world, version) for version in (OLD, NEW)}
    configs = {
        version: versions.config(world, version, name, COUNT) for version, name in models.items()
    }
    both = f"{PREFIX}version-both-config"
    world.server.client("sagemaker").create_endpoint_config(
        EndpointConfigName=both,
        ProductionVariants=[
            {
                "VariantName": version,
                "ModelName": name,
                "InstanceType": "ml.t2.medium",
                "InitialInstanceCount": 1,
                "InitialVariantWeight": float(version == OLD),
            }
            for version, name in models.items()
        ],
    )
    policies = {
        "UpdateEndpoint alone": None,
        "all at once": blue_green("ALL_AT_ONCE", wait_s),
        "canary": blue_green("CANARY", wait_s, CanarySize=percent(10)),
        "linear": blue_green("LINEAR", wait_s, LinearStepSize=percent(50)),
        "rolling": rolling(wait_s, 50),
    }
    replacing = [
        Kind(name, configs[OLD], partial(_replace, configs, policy))
        for name, policy in policies.items()
    ]
    return [*replacing, Kind("weights and capacities", both, _weigh)]


def _replace(
    configs: dict[str, str],
    policy: dict[str, Any] | None,
    world: World,
    endpoint: str,
    version: str,
) -> dict[str, Any]:
    more = {"DeploymentConfig": policy} if policy else {}
    world.server.client("sagemaker").update_endpoint(
        EndpointName=endpoint, EndpointConfigName=configs[version], **more
    )
    shown = {"LastDeploymentConfig": policy} if policy else {}
    return {"EndpointConfigName": configs[version], **shown}


def _weigh(world: World, endpoint: str, version: str) -> dict[str, Any]:
    """All traffic and the second instance go to the version's variant."""
    world.server.client("sagemaker").update_endpoint_weights_and_capacities(
        EndpointName=endpoint,
        DesiredWeightsAndCapacities=[
            {
                "VariantName": each,
                "DesiredWeight": float(each == version),
                "DesiredInstanceCount": 1 + (each == version),
            }
            for each in (OLD, NEW)
        ],
    )
    return {}


def _again_and_again(world: World, kind: Kind) -> Sequence[Claim]:
    scale = world.scale
    endpoint = versions.created(world, kind.name.lower().replace(" ", "-"), kind.config)
    done: list[Update] = []
    with load(world.server, endpoint, per_second=scale.per_second, versions=True) as calls:
        pause(1.0)
        for number in range(scale.updates):
            done.append(_one(world, kind, endpoint, (NEW, OLD)[number % 2]))
            pause(LOOKED_AFTER_S)
        end = time.monotonic()
    world.server.client("sagemaker").delete_endpoint(EndpointName=endpoint)
    later = after(calls.all, done, end)
    stale = [call for call, version in later if call.well and call.version != version]
    wrong = [update.said for update in done if update.said]
    took = [update.over - update.asked for update in done]
    return [
        verdict.count(
            f"{kind.name}: {len(done)} updates, none of {len(calls.all)} calls fails",
            summary(calls.failed),
            not calls.failed,
        ),
        verdict.count(
            f"{kind.name}: of {len(later)} calls after an update none finds the old version",
            len(stale),
            not stale and len(later) >= len(done),
        ),
        verdict.count(
            f"{kind.name}: each ends as asked",
            f"{wrong[:3] or 'all'}; {statistics.median(took):.1f} s in the median, {max(took):.1f} "
            f"s at most; p99 of the calls {p99_ms(calls.all):.0f} ms",
            not wrong,
        ),
    ]


def _one(world: World, kind: Kind, endpoint: str, version: str) -> Update:
    asked = time.monotonic()
    expected = {"EndpointStatus": "InService", "FailureReason": None}
    expected |= kind.ask(world, endpoint, version)
    described = settled(world.server, endpoint, every_s=0.1)
    over = time.monotonic()
    wrong = {
        name: described.get(name) for name in expected if described.get(name) != expected[name]
    }
    return Update(asked, over, version, str(wrong) if wrong else "")


def after(
    calls: Sequence[Outcome], done: Sequence[Update], end: float
) -> Sequence[tuple[Outcome, str]]:
    """The calls that began between an update's end and the next one, with who was to answer."""
    spans = zip(done, [*(update.asked for update in done[1:]), end], strict=True)
    return [
        (call, update.version)
        for update, until in spans
        for call in calls
        if update.over <= call.began < until
    ]
