"""Versions that are bad, each under every policy of updates: taken back, and what it cost."""

import itertools
import math
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from chaos import verdict, versions
from chaos.load import Outcome, load, pause
from chaos.verdict import Claim
from chaos.versions import Flaw, blue_green, percent, rolling
from chaos.world import World
from deploying import settled
from running import eventually

GOOD = "good"
COUNT = 2
WATCHED_S = 300
"""How long each step is watched: longer than an alarm of one minute needs."""
BACK_S_MAX = 10.0
"""After the alarm nobody is answered by the bad version for longer."""
CRASHES = 2 * 5 * COUNT
"""Calls that it takes until a version that crashes at each is given up: an instance ends with the
fifth death of its model servers, and with the same cause twice."""
SETTLED_S_MAX = 400.0
DEVIATIONS = 4.0
"""Of a share that is drawn call by call: beyond so many it is another share."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A way to update, and the part of the traffic that its first step gives away."""

    name: str
    share: float
    config: dict[str, Any]


POLICIES = (
    Policy("ALL_AT_ONCE", 1.0, blue_green("ALL_AT_ONCE", WATCHED_S)),
    Policy("CANARY", 0.1, blue_green("CANARY", WATCHED_S, CanarySize=percent(10))),
    Policy("LINEAR", 0.2, blue_green("LINEAR", WATCHED_S, LinearStepSize=percent(20))),
    Policy("ROLLING", 0.5, rolling(WATCHED_S, 50)),
)
ALARMS: dict[Flaw, tuple[str, float]] = {
    Flaw.ERRORS: ("Invocation5XXErrors", 0.05),
    Flaw.SLOW: ("ModelLatency", versions.SLOW_US),
}
"""What is measured of the new version alone, and above which average it is taken back; of other
flaws the instances themselves tell."""
REASONS = {
    Flaw.ERRORS: "is in ALARM",
    Flaw.SLOW: "is in ALARM",
    Flaw.CRASHES: "did not pass the ping health check",
    Flaw.HANGS: "did not pass the ping health check",
    Flaw.CANNOT_LOAD: "a version that cannot be loaded",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A bad version under a policy, and the names of what it is tried with."""

    flaw: Flaw
    policy: Policy

    @property
    def says(self) -> str:
        return f"{self.flaw.value}, {self.policy.name} {self.policy.share:.0%}"

    @property
    def name(self) -> str:
        return f"{_version(self.flaw)}-{self.policy.name.replace('_', '-').lower()}"


def taken_back(world: World) -> Iterator[Claim]:
    """U2: the whole table, some cells of it side by side."""
    flaws = [Flaw(value) for value in world.scale.bad_versions]
    policies = [policy for policy in POLICIES if policy.name in world.scale.bad_policies]
    cells = [Cell(flaw, policy) for flaw, policy in itertools.product(flaws, policies)]
    configs = {
        version: versions.config(world, version, versions.model(world, version, flaw), COUNT)
        for version, flaw in [(GOOD, Flaw.NONE), *((_version(flaw), flaw) for flaw in flaws)]
    }
    with ThreadPoolExecutor(world.scale.bad_at_once) as pool:
        for claims in pool.map(partial(_tried, world, configs), cells):
            yield from claims


def _version(flaw: Flaw) -> str:
    return flaw.value.replace(" ", "-")


def _tried(world: World, configs: dict[str, str], cell: Cell) -> Sequence[Claim]:
    client = world.server.client("sagemaker")
    endpoint = versions.created(world, cell.name, configs[GOOD])
    new = configs[_version(cell.flaw)]
    config = cell.policy.config
    if cell.flaw in ALARMS:
        _put_alarm(world, cell, endpoint, new)
        config = config | {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": cell.name}]}}
    rate = world.scale.bad_per_second
    with load(world.server, endpoint, per_second=rate, versions=True) as calls:
        pause(1.0)
        asked = time.monotonic()
        client.update_endpoint(
            EndpointName=endpoint, EndpointConfigName=new, DeploymentConfig=config
        )
        if cell.flaw in ALARMS and world.scale.alarms_set:
            _set_alarm(world, cell, endpoint)
        described = settled(world.server, endpoint, SETTLED_S_MAX, every_s=0.5)
        back = time.monotonic()
        pause(2.0)
    client.delete_endpoint(EndpointName=endpoint)
    return [
        _is_back(cell, described, configs[GOOD], back - asked),
        *judged(cell, calls.all, _alarmed(world, cell)),
        _well_after([call for call in calls.all if call.began > back], cell),
    ]


def _put_alarm(world: World, cell: Cell, endpoint: str, new: str) -> None:
    """One on the new version alone: during an update metrics have its config as well."""
    metric, threshold = ALARMS[cell.flaw]
    dimensions = {"EndpointName": endpoint, "VariantName": "AllTraffic", "EndpointConfigName": new}
    world.server.client("cloudwatch").put_metric_alarm(
        AlarmName=cell.name,
        Namespace="AWS/SageMaker",
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=threshold,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore",
    )


def _set_alarm(world: World, cell: Cell, endpoint: str) -> None:
    """Some seconds after the first step is taken."""

    def bakes() -> bool:
        client = world.server.client("sagemaker")
        pending = client.describe_endpoint(EndpointName=endpoint).get("PendingDeploymentSummary")
        variants = (pending or {}).get("ProductionVariants", [])
        states = [state["Status"] for each in variants for state in each.get("VariantStatus", [])]
        return "Baking" in states

    eventually(f"{endpoint} bakes", bakes)
    pause(2.0)
    world.server.client("cloudwatch").set_alarm_state(
        AlarmName=cell.name, StateValue="ALARM", StateReason="chaos"
    )


def _alarmed(world: World, cell: Cell) -> float | None:
    """When the alarm went off (monotonic s), of flaws that need one."""
    if cell.flaw not in ALARMS:
        return None
    items = world.server.client("cloudwatch").describe_alarm_history(
        AlarmName=cell.name, HistoryItemType="StateUpdate"
    )["AlarmHistoryItems"]
    moments = [
        item["Timestamp"].timestamp()
        for item in items
        if item["HistorySummary"].endswith("to ALARM")
    ]
    return min(moments, default=math.inf) - time.time() + time.monotonic()


def _is_back(cell: Cell, described: dict[str, Any], old: str, seconds: float) -> Claim:
    status, reason = described["EndpointStatus"], described.get("FailureReason", "")
    return verdict.count(
        f"{cell.says}: taken back",
        f"{status} on the {'old' if described['EndpointConfigName'] == old else 'new'} config, "
        f"{seconds:.0f} s after the call: {reason}",
        status == "InService"
        and described["EndpointConfigName"] == old
        and REASONS[cell.flaw] in reason,
    )


def judged(cell: Cell, calls: Sequence[Outcome], alarmed: float | None) -> Iterator[Claim]:
    """What callers had of the bad version; ``alarmed``: when its alarm went off, if it has one."""
    bad = [call for call in calls if not call.well or call.version != GOOD]
    if cell.flaw in {Flaw.HANGS, Flaw.CANNOT_LOAD}:
        yield verdict.count(f"{cell.says}: nobody is sent there", len(bad), not bad)
    elif bad:
        yield _share(cell, calls, bad, alarmed)
        yield _until(cell, calls, bad, alarmed)
    else:
        yield verdict.count(f"{cell.says}: somebody is sent there", 0, holds=False)


def _share(
    cell: Cell, calls: Sequence[Outcome], bad: Sequence[Outcome], alarmed: float | None
) -> Claim:
    """How many were bad while the version had traffic: to the alarm at least.

    What waits for it then is given to the other version, and is good.
    """
    first, last = min(call.began for call in bad), max(call.began for call in bad)
    if alarmed is not None and math.isfinite(alarmed):
        last = max(last, alarmed)
    meanwhile = sum(first <= call.began <= last for call in calls)
    allowed = cell.policy.share
    chance = DEVIATIONS * math.sqrt(allowed * (1 - allowed) / meanwhile)
    return verdict.count(
        f"{cell.says}: bad answers are at most the first step's share",
        f"{len(bad)} of {meanwhile} in {last - first:.0f} s, {len(bad) / meanwhile:.1%} "
        f"of {allowed:.0%}",
        len(bad) / meanwhile <= allowed + chance,
    )


def _until(
    cell: Cell, calls: Sequence[Outcome], bad: Sequence[Outcome], alarmed: float | None
) -> Claim:
    """How soon the last of them was; without an alarm, beside the calls that show what is wrong."""
    last = max(call.ended for call in bad)
    since, most_s, what = alarmed, BACK_S_MAX, "the alarm"
    if since is None:
        span_s = max(call.began for call in calls) - min(call.began for call in calls)
        most_s += CRASHES * span_s / (len(calls) * cell.policy.share)
        since, what = min(call.began for call in bad), f"the first, as {CRASHES} calls show it"
    return verdict.time(
        f"{cell.says}: the last of them ≤{most_s:.0f} s after {what}",
        f"{last - since:.1f} s",
        math.isfinite(since) and last - since <= most_s,
    )


def _well_after(calls: Sequence[Outcome], cell: Cell) -> Claim:
    wrong = [call for call in calls if not call.well or call.version != GOOD]
    return verdict.count(
        f"{cell.says}: everybody is well afterwards",
        f"{len(calls) - len(wrong)} of {len(calls)}",
        bool(calls) and not wrong,
    )
