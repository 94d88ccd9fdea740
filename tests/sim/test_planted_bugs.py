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
from hostler.domain import reasons
from hostler.domain.alarm import AlarmState
from hostler.domain.endpoint import Endpoint, EndpointStatus, Rollout, RolloutStage
from hostler.gateway.waking import Call, Waking
from hostler.planning import (
    course,
    departure,
    endpoint,
    fleet,
    rollout,
    serverless,
    showing,
    sizing,
    stages,
    traffic,
    updates,
)
from hostler.planning.plan import Exposure, RemoveInstance, Situation, StopInstance
from hostler.sim.faults import Faults
from hostler.sim.world import judge
from hostler.store import capacities, endpoint_updates
from hostler.store import endpoints as store_endpoints
from hostler.store.database import Store

SEEDS = 120

QUIET = Faults(until_s=30.0)
DEATHS = Faults(until_s=30.0, deaths=3)
LOST = Faults(until_s=30.0, lost_wakes=1.0)
CRASHES = Faults(until_s=30.0, crashes=(20, 25, 30))
PLAGUE = Faults(until_s=30.0, deaths=9)
ALARMS = Faults(until_s=30.0, alarms=4)
STUCK = Faults(until_s=40.0, alarms=12)
LASTING = Faults(until_s=60.0, alarms=12)
SLOW = Faults(until_s=30.0, ack_s_max=4.0)
JUMPS = Faults(until_s=60.0, clock_jumps=20, crashes=(80,) * 10)
IMPATIENT = Faults(until_s=30.0, ack_s_max=0.1)
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
    def roles(end: Endpoint, course: Any) -> endpoint.Roles:
        part: endpoint.Roles = original(end, course)
        if end.rollout and end.rollout.stage is RolloutStage.PROVISIONING:
            return replace(part, repaired=(end.target,))
        return part

    return roles


def skips_switching(original: Any) -> Any:
    def advanced(end: Endpoint, fleets: Any, situation: Situation) -> Endpoint:
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
                    modified=situation.now,
                )
        return original(end, fleets, situation)  # type: ignore[no-any-return]

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


def overlooks_what_serves_beside(original: Any) -> Any:
    return lambda end: original(replace(end, beside=None))


def constant(value: Any) -> Callable[[Any], Any]:
    return lambda _original: lambda *_args, **_kwargs: value


def constant_property(value: Any) -> Callable[[Any], Any]:
    return lambda _original: property(lambda _self: value)


def turns_before_it_grows(_original: Any) -> Any:
    def fitted(end: Endpoint, run: Any) -> Any:
        sizes = end.sizes if end.asked is None else end.asked
        return sizing.resized(run, sizes) if run.id == end.current else run

    return fitted


def trusts_what_is_new(_original: Any) -> Any:
    return lambda _end, run: {v.name: 9 for v in run.variants}


def without(**zeroed: Any) -> Callable[[Any], Any]:
    """A course as its policy would be without some of its fields."""

    def make(original: Any) -> Any:
        def of(end: Endpoint, deployments: Any) -> Any:
            found = original(end, deployments)
            if found is None:
                return None
            return course.Course(
                found.blue, found.green, replace(found.guardrails, **zeroed), found.shares
            )

        return of

    return make


def keeps_only_blue_alive(original: Any) -> Any:
    def roles(end: Endpoint, way: Any) -> endpoint.Roles:
        part: endpoint.Roles = original(end, way)
        turned = (RolloutStage.SWITCHING, RolloutStage.BAKING)
        lets_go = end.rollout is not None and end.rollout.stage in turned
        return endpoint.Roles((end.current,), (end.target,)) if lets_go else part

    return roles


def forgets_the_step(original: Any) -> Any:
    def entered(end: Endpoint, to: RolloutStage, now: float, **about: Any) -> Endpoint:
        after: Endpoint = original(end, to, now, **about)
        if to is not RolloutStage.BAKING or after.rollout is None:
            return after
        return replace(after, rollout=replace(after.rollout, step=0))

    return entered


def takes_the_others_share(original: Any) -> Any:
    def weights(parts: Any) -> Any:
        whole = [traffic.Part(part.fleet, 1.0 / len(parts)) for part in parts]
        return original(whole)

    return weights


def retires_one_step_too_many(original: Any) -> Any:
    return lambda self, step: original(self, step + 1 if step < len(self.shares) else step)


def blind_for_a_while(original: Any) -> Any:
    """Alarms are asked at the end of a bake alone."""

    def wrong(end: Endpoint, way: Any, green: Any, situation: Situation) -> str | None:
        if end.rollout and situation.now < end.rollout.since + way.wait_s:
            situation = replace(situation, alarms=dict.fromkeys(way.alarms, AlarmState.OK))
        return original(end, way, green, situation)  # type: ignore[no-any-return]

    return wrong


def counts_by_the_row_alone(original: Any) -> Any:
    return lambda end, now, _watching_since: original(end, now, 0.0)


def blames_an_alarm(original: Any) -> Any:
    def advanced(end: Endpoint, *others: Any) -> Endpoint:
        after: Endpoint = original(end, *others)
        if after.rollout is None or after.rollout.stage is not RolloutStage.ROLLING_BACK:
            return after
        return replace(after, rollout=replace(after.rollout, reason=reasons.alarmed("a")))

    return advanced


def remembers_the_old_time(_original: Any) -> Any:
    return lambda end, _situation: end.update_started or 0.0


def needs_no_word_of_gateways(original: Any) -> Any:
    def turned(end: Endpoint, way: Any, fleets: Any, situation: Situation) -> bool:
        if way.blue is None:
            return original(end, way, fleets, situation)  # type: ignore[no-any-return]
        return fleets[way.green.id].complete  # type: ignore[no-any-return]

    return turned


def skips_bakes(original: Any) -> Any:
    def told(*args: Any) -> Any:
        found = original(*args)
        baking = found is not None and found.event.stage is RolloutStage.BAKING
        return None if baking else found

    return told


def tells_afterwards(original: Any) -> Any:
    async def apply(self: reconciler.EndpointReconciler, rows: Any, plan: Any) -> None:
        await original(self, rows, replace(plan, told=None))
        if plan.told is not None:
            await self._store.write(
                lambda tx: endpoint_updates.note(tx, plan.endpoint.id, plan.told)
            )

    return apply


def never_sleeps(original: Any) -> Any:
    def stirred(end: Endpoint, serving: Any, demand: Any, now: float) -> Endpoint:
        after: Endpoint = original(end, serving, demand, now)
        return replace(after, awake={**end.awake, **after.awake})

    return stirred


BUGS = {
    "traffic turned before green is ready": Bug(
        replaced(fleet.Fleet, "complete", lambda _: property(lambda _self: True)),
        QUIET,
        "before it was complete|no instance for it",
    ),
    "blue retired before the switch": Bug(
        replaced(endpoint, "roles", retires_blue_first), QUIET, "less capacity|no instance"
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
    "a step that the history leaves out": Bug(
        replaced(updates, "told", skips_bakes), QUIET, "went through .*, and is told as"
    ),
    "a history in a transaction of its own": Bug(
        replaced(reconciler.EndpointReconciler, "_apply", tells_afterwards),
        CRASHES,
        "has a history of|is told as",
    ),
    "the history of a deleted endpoint kept": Bug(
        replaced(endpoint_updates, "forget", constant(None)), QUIET, "the updates of .* are kept"
    ),
    "a stop that hangs is never turned into a kill": Bug(
        replaced(departure, "_stop", never_kills), HANGS, "never settled"
    ),
}

ROLLOUT_BUGS = {
    "all at once whatever was asked": Bug(
        replaced(course, "steps", constant((course.ALL,))), QUIET, "skipped a step"
    ),
    "no bake": Bug(replaced(course.Course, "wait_s", constant_property(0.0)), QUIET, "baked for"),
    "no termination wait": Bug(
        replaced(course.Course, "termination_wait_s", constant_property(0.0)),
        QUIET,
        "before its waits were over",
    ),
    "alarms that nobody looks at": Bug(
        replaced(course, "of", without(alarms=())), ALARMS, "was bad|is bad"
    ),
    "alarms looked at when a bake is over": Bug(
        replaced(rollout, "_wrong", blind_for_a_while), LASTING, "still has traffic, though"
    ),
    "a bake begins before the gateways know": Bug(
        replaced(rollout, "_turned", needs_no_word_of_gateways), SLOW, "baked for|its waits"
    ),
    "a green that dies in a bake is not followed": Bug(
        replaced(endpoint, "roles", keeps_only_blue_alive), PLAGUE, "never settled"
    ),
    "a step that is forgotten": Bug(
        replaced(stages, "entered", forgets_the_step), QUIET, "never settled|took over after"
    ),
    "weights that are not the share": Bug(
        replaced(traffic, "weights", takes_the_others_share), QUIET, "not its share"
    ),
    "blue retired a step too early": Bug(
        replaced(course.Course, "_kept", retires_one_step_too_many),
        QUIET,
        "less capacity|no instance for it",
    ),
    "a bake by the wall clock": Bug(
        replaced(endpoint, "plausible_rollout", counts_by_the_row_alone), JUMPS, "baked for|waits"
    ),
    "a time-out by the wall clock": Bug(
        replaced(rollout, "_started", remembers_the_old_time), JUMPS, "before its time was over"
    ),
    "a rollback that is tried for ever": Bug(
        replaced(rollout, "_stuck", lambda _: lambda end, *_others: end), STUCK, "never settled"
    ),
    "two deployments that are scaled": Bug(
        replaced(capacities, "is_changeable", overlooks_what_serves_beside),
        LASTING,
        "never settled",
    ),
    "a reason that is not true": Bug(
        replaced(rollout, "advanced", blames_an_alarm), IMPATIENT, "an alarm that was not bad"
    ),
}
BUGS |= ROLLOUT_BUGS


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
