"""Reconcilers with a bug planted: the oracles find each of them, or they would find no real one."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from hostler.control import endpoints as reconciler
from hostler.control.controller import Controller
from hostler.control.execute import Executor
from hostler.control.plane import ControlPlane
from hostler.control.publish import Publication
from hostler.domain.endpoint import Endpoint, EndpointStatus, Rollout, RolloutStage
from hostler.gateway.waking import Call, Waking
from hostler.planning import departure, endpoint, fleet, serverless, showing, sizing
from hostler.planning.plan import Exposure, RemoveInstance, StopInstance
from hostler.sim.faults import Faults
from hostler.sim.world import judge
from hostler.store import endpoints as store_endpoints
from hostler.store.database import Store

SEEDS = 60

QUIET = Faults(until_s=30.0)
DEATHS = Faults(until_s=30.0, deaths=3)
LOST = Faults(until_s=30.0, lost_wakes=1.0)
CRASHES = Faults(until_s=30.0, crashes=(20, 25, 30))
HANGS = Faults(until_s=30.0, hung_stops=1.0, crashes=(30, 35, 40, 45))

Patch = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Bug:
    """A change to the code, the faults it shows under, and what (a pattern) the oracles say."""

    plant: Patch
    faults: Faults
    said: str


def replaced(owner: Any, name: str, make: Callable[[Any], Any]) -> Patch:
    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(owner, name, make(getattr(owner, name)))

    return plant


def retires_blue_first(original: Any) -> Any:
    def roles(end: Endpoint) -> endpoint.Roles:
        part: endpoint.Roles = original(end)
        if end.rollout and end.rollout.stage is RolloutStage.PROVISIONING:
            return replace(part, repaired=(end.target,))
        return part

    return roles


def skips_switching(original: Any) -> Any:
    def advanced(end: Endpoint, fleets: Any, exposure: Exposure, now: float) -> Endpoint:
        if end.rollout == Rollout(
            RolloutStage.PROVISIONING, end.rollout.since if end.rollout else 0
        ):
            coming = fleets[end.target]
            if end.current is None and coming.complete:
                config = coming.deployment.config_name
                return replace(
                    end,
                    status=EndpointStatus.IN_SERVICE,
                    current=end.target,
                    config_name=config,
                    rollout=None,
                    modified=now,
                )
        return original(end, fleets, exposure, now)  # type: ignore[no-any-return]

    return advanced


def never_removes(original: Any) -> Any:
    async def carry_out(self: Executor, action: Any) -> None:
        if not isinstance(action, RemoveInstance):
            await original(self, action)

    return carry_out


def never_kills(original: Any) -> Any:
    def stop(record: Any, seen: Any, now: float) -> departure.Departure:
        step: departure.Departure = original(record, seen, now)
        kills = isinstance(step.action, StopInstance) and step.action.grace_s == 0.0
        return replace(step, action=None) if kills else step

    return stop


def forgets_the_last_snapshot(original: Any) -> Any:
    return lambda self, _last, _serving: original(self, None, ())


def ignores_weights(original: Any) -> Any:
    def route(*args: Any) -> Any:
        told = original(*args)
        even = tuple(replace(variant, weight=7.0) for variant in told.variants)
        return replace(told, variants=even)

    return route


def keeps_the_view(original: Any) -> Any:
    def remove(tx: Any, endpoint_id: Any) -> None:
        seen = store_endpoints.view(tx, endpoint_id)
        original(tx, endpoint_id)
        if seen is not None:
            store_endpoints.save_view(tx, endpoint_id, seen)

    return remove


def deaf_to_wakes_and_resyncs(_original: Any) -> Any:
    async def nothing(_self: Controller) -> None:
        return None

    return nothing


def constant(value: Any) -> Callable[[Any], Any]:
    return lambda _original: lambda *_args, **_kwargs: value


def turns_before_it_grows(_original: Any) -> Any:
    def fitted(end: Endpoint, run: Any) -> Any:
        sizes = end.sizes if end.asked is None else end.asked
        return sizing.resized(run, sizes) if run.id == end.current else run

    return fitted


def trusts_what_is_new(_original: Any) -> Any:
    return lambda _end, run: {v.name: 9 for v in run.variants}


def never_sleeps(original: Any) -> Any:
    def stirred(end: Endpoint, serving: Any, demand: Any, now: float) -> Endpoint:
        after: Endpoint = original(end, serving, demand, now)
        return replace(after, awake={**end.awake, **after.awake})

    return stirred


BUGS = {
    "traffic turned before green is ready": Bug(
        replaced(fleet.Fleet, "complete", lambda _: property(lambda _self: True)),
        QUIET,
        "before it was complete|does not serve it",
    ),
    "blue retired before the switch": Bug(
        replaced(endpoint, "roles", retires_blue_first), QUIET, "less capacity|no capacity"
    ),
    "InService without asking the gateways": Bug(
        replaced(endpoint, "_advanced", skips_switching), QUIET, "does not serve it"
    ),
    "stopped while gateways still send": Bug(
        replaced(Exposure, "excludes", constant(True)), QUIET, "is stopped while"
    ),
    "ended instances never removed": Bug(
        replaced(Executor, "_carry_out", never_removes), QUIET, "never settled"
    ),
    "the dead never followed": Bug(
        replaced(fleet, "_ended", constant(None)), DEATHS, "never settled"
    ),
    "a failing model tried for ever": Bug(
        replaced(fleet, "_hopeless", constant(False)), QUIET, "never settled"
    ),
    "a reason without AWS's sentence": Bug(
        replaced(fleet, "_blame", constant("it failed")), QUIET, "FailureReason"
    ),
    "launched without a record": Bug(
        replaced(reconciler.endpoints, "put_instance", constant(None)),
        QUIET,
        "launched before it is recorded",
    ),
    "weights not as asked": Bug(replaced(showing, "route", ignores_weights), QUIET, "weights"),
    "new weights without asking the gateways": Bug(
        replaced(Exposure, "weighs", constant(True)), QUIET, "has other weights"
    ),
    "new weights before the instances they are for": Bug(
        replaced(sizing, "fitted", turns_before_it_grows), QUIET, "before the instances"
    ),
    "instances that have no room tried for ever": Bug(
        replaced(sizing, "proven", trusts_what_is_new), QUIET, "never settled"
    ),
    "the view of a deleted endpoint kept": Bug(
        replaced(store_endpoints, "remove", keeps_the_view), QUIET, "the view of"
    ),
    "no resync, so a lost wake is lost for good": Bug(
        replaced(Controller, "_resync", deaf_to_wakes_and_resyncs), LOST, "never settled"
    ),
    "a restart that publishes without the last snapshot": Bug(
        replaced(Publication, "begin", forgets_the_last_snapshot), CRASHES, " lost "
    ),
    "a sleeping endpoint is woken by several starts": Bug(
        replaced(Waking, "at_once", constant(Call(3, 0.0))), QUIET, "beside .* for one wake"
    ),
    "control does not hear what gateways need": Bug(
        replaced(ControlPlane, "demanded", constant(None)), QUIET, "waited in vain"
    ),
    "what nobody calls never sleeps": Bug(
        replaced(serverless, "stirred", never_sleeps), QUIET, "never settled: .* is awake"
    ),
    "a stop that hangs is never turned into a kill": Bug(
        replaced(departure, "_stop", never_kills), HANGS, "never settled"
    ),
}


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_caught(name: str, memory: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    bug = BUGS[name]
    bug.plant(monkeypatch)
    said: list[str] = []
    for seed in range(SEEDS):
        said += judge(seed, memory, bug.faults).oracles.found
        if any(re.search(bug.said, what) for what in said):
            return
    pytest.fail(f"{SEEDS} seeds did not show it; found {said[:5]}")
