"""From the gateways' counters to CloudWatch: each call once, whoever died in between."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import prometheus_page
from hostler.control.metrics import MetricIngest
from hostler.domain.layout import Layout
from hostler.domain.snapshot import EndpointRoute, TargetRoute, VariantRoute
from hostler.store.database import Store, StoreUnavailableError
from hostler.telemetry import calls, exposition, metrics
from spooled_calls import START, SUBJECT, Gateway, route

LABELS = SUBJECT._asdict()


class World:
    def __init__(self, root: Path) -> None:
        self.layout = Layout(root)
        self.store = Store("sqlite://", inline=True, tables=metrics.metadata)
        self.store.create_tables()
        self.time = START + 10.0
        self.slept_s = 0.0
        self.routes: list[Any] | None = [route(2)]
        self.connected = 0
        self.gateways: list[Gateway] = []
        self.ingest = self.restarted()

    def gateway(self, life: str) -> Gateway:
        """Another gateway process."""
        self.gateways.append(Gateway(self.layout, life))
        return self.gateways[-1]

    def now(self) -> float:
        return self.time

    def restarted(self, store: Any = None) -> MetricIngest:
        """The ingester of another life of the control process."""
        self.ingest = MetricIngest(
            store or self.store,
            self.layout,
            self,
            lambda: self.routes,
            gateways=lambda: self.connected,
            monotonic=lambda: self.time - self.slept_s,
        )
        return self.ingest

    def sweep(self) -> bool:
        return asyncio.run(self.ingest.sweep())

    def fill(self) -> None:
        """As far as every gateway tells."""
        living = [each for each in self.gateways if each.lives] or [self.gateway("0-1")]
        for each in living:
            each.tell(self.time)
        self.sweep()
        asyncio.run(self.ingest.fill())

    def read(self, name: str, config: str = "") -> list[tuple[int, float, float]]:
        """Time since the start, count and sum of each minute; of one deployment or of all."""
        dimensions = [("EndpointName", "e"), ("VariantName", "v")]
        dimensions += [("EndpointConfigName", config)] if config else []
        metric = metrics.metric(*SUBJECT[:2], "AWS/SageMaker", name, dimensions)
        found = self.store.run(
            lambda tx: metrics.read(tx, metric, period_s=60, start_s=0, end_s=2 * START)
        )
        return [(each.time_s - START, each.point.count, each.point.total) for each in found]


@pytest.fixture
def world() -> Iterator[World]:
    root = Path(tempfile.mkdtemp(dir="/tmp", prefix="h-"))
    made = World(root)
    yield made
    made.store.close()
    shutil.rmtree(root)


def test_calls_of_several_gateways_become_one_metric(world: World) -> None:
    one, other = world.gateway("1-11"), world.gateway("1-12")
    one.calls(3)
    other.calls(4, START + 1)
    other.refuse(START + 61)
    assert world.sweep()
    assert world.read("Invocations") == [(0, 7, 7), (60, 1, 1)]
    assert world.read("Invocation5XXErrors") == [(0, 7, 0), (60, 1, 1)]
    assert world.read("InvocationModelErrors") == [(0, 7, 0), (60, 1, 0)]
    assert world.read("InvocationsPerInstance") == [(0, 7, 3.5), (60, 1, 0.5)]
    assert world.read("ModelLatency") == [(0, 7, 14_000)]
    assert world.read("OverheadLatency") == [(0, 7, 700)]
    assert world.sweep()
    counted = prometheus_page.read(exposition.text(world.ingest.totals.families()))
    assert counted.value("hostler_invocations_total", **LABELS) == 8
    assert counted.value("hostler_invocations_refused_total", **LABELS) == 1
    for gateway in (one, other):
        gateway.end()


def test_calls_of_two_deployments_count_for_their_configs_and_for_the_variant(
    world: World,
) -> None:
    sides = [
        VariantRoute("v", weight, route(instances).variants[0].targets, config=config)
        for config, weight, instances in (("old", 0.5, 2), ("new", 0.5, 1))
    ]
    world.routes = [replace(route(0), variants=tuple(sides))]
    gateway = world.gateway("1-11")
    gateway.calls(4, config="old")
    gateway.calls(6, config="new", failed=2)
    gateway.calls(1, START + 61, config="new", failed=1)
    assert world.sweep()
    assert world.read("Invocations", "old") == [(0, 4, 4)]
    assert world.read("Invocations", "new") == [(0, 6, 6), (60, 1, 1)]
    assert world.read("Invocations") == [(0, 10, 10), (60, 1, 1)]
    for name in ("Invocation5XXErrors", "InvocationModelErrors"):
        assert world.read(name, "old") == [(0, 4, 0)]
        assert world.read(name, "new") == [(0, 6, 2), (60, 1, 1)]
        assert world.read(name) == [(0, 10, 2), (60, 1, 1)]
    assert world.read("Invocation4XXErrors", "new") == [(0, 6, 0), (60, 1, 0)]
    assert world.read("InvocationsPerInstance", "old") == [(0, 4, 2)]
    assert world.read("InvocationsPerInstance", "new") == [(0, 6, 6), (60, 1, 1)]
    assert world.read("ModelLatency", "old") == [(0, 4, 8_000)]
    gateway.end()


class Dying:
    """A store that fails at one of its steps, before or after it is done."""

    def __init__(self, store: Store, step: int, *, done: bool) -> None:
        self._store = store
        self._left = step
        self._done = done

    async def read(self, transaction: Any) -> Any:
        return await self._store.read(transaction)

    async def write(self, transaction: Any) -> Any:
        self._left -= 1
        if self._left < 0 and not self._done:
            raise StoreUnavailableError("before")
        result = await self._store.write(transaction)
        if self._left < 0:
            raise StoreUnavailableError("after")
        return result


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("step", range(4))
@pytest.mark.parametrize("again", ["the same", "another life"])
def test_a_death_between_any_two_steps_neither_loses_nor_doubles(
    world: World, step: int, done: bool, again: str
) -> None:
    gateway = world.gateway("1-11")
    world.fill()
    dying = Dying(world.store, step, done=done)
    world.restarted(dying)
    for second in range(40):  # more than a segment of the spool
        gateway.calls(2, START + second)
        if second % 10 == 9:
            world.time = START + second
            try:
                world.sweep()
            except StoreUnavailableError:
                dying._left = 1
    world.time = START + 190.0
    try:
        world.fill()
    except StoreUnavailableError:
        dying._left = 100
    dying._left = 100
    if again == "another life":
        world.restarted()
    world.sweep()
    world.fill()
    gateway.end()
    assert world.read("Invocations") == [(0, 80, 80), (60, 1, 0), (120, 1, 0)]
    world.sweep()
    assert world.read("Invocations")[0] == (0, 80, 80)


def test_a_spool_is_deleted_when_it_is_read_and_its_process_has_ended(world: World) -> None:
    gateway = world.gateway("1-11")
    gateway.calls(1)
    world.sweep()
    assert gateway.folder.exists()
    gateway.calls(1)
    gateway.end()
    world.sweep()
    assert not gateway.folder.exists()
    assert world.read("Invocations") == [(0, 2, 2)]
    assert set(world.store.run(metrics.sources)) == {gateway.folder.name, calls.WHOLE}
    asyncio.run(world.ingest.housekeep())
    assert world.store.run(metrics.sources) == [calls.WHOLE]


def test_the_spool_of_an_earlier_version_is_read_and_left(world: World) -> None:
    folder = world.layout.spools / "gateway-0"
    gateway = world.gateway("1-11")
    gateway.calls(1)
    gateway.end()
    gateway.folder.rename(folder)
    world.sweep()
    assert folder.exists()
    assert world.read("Invocations") == [(0, 1, 1)]


def test_minutes_without_traffic_are_zeros(world: World) -> None:
    gateway = world.gateway("1-11")
    world.routes = [route(2)]
    world.fill()
    gateway.calls(5, START + 61)
    world.time = START + 185.0
    world.sweep()
    world.fill()
    assert world.read("Invocations") == [(0, 1, 0), (60, 5, 5)], "the third minute may get more"
    world.time = START + 190.0
    world.fill()
    world.fill()
    assert world.read("Invocations") == [(0, 1, 0), (60, 5, 5), (120, 1, 0)]
    assert world.read("Invocation4XXErrors") == [(0, 1, 0), (60, 5, 0), (120, 1, 0)]
    assert [time for time, *_ in world.read("ModelLatency")] == [60]
    gateway.end()


def test_during_a_deployment_each_side_has_zeros_of_its_own(world: World) -> None:
    sides = tuple(
        VariantRoute("v", 1.0, (TargetRoute(f"i-{config}", ()),), config=config)
        for config in ("c-1", "c-2")
    )
    world.routes = [EndpointRoute(SUBJECT.account, SUBJECT.region, "e", "arn", sides)]
    gateway = world.gateway("1-11")
    gateway.calls(3, config="c-1")
    world.fill()
    world.time = START + 80.0
    world.fill()
    assert world.read("Invocations") == [(0, 3, 3)]
    assert world.read("Invocations", config="c-1") == [(0, 3, 3)]
    assert world.read("Invocations", config="c-2") == [(0, 1, 0)]
    assert world.read("InvocationModelErrors", config="c-2") == [(0, 1, 0)]
    assert world.read("ConcurrentRequestsPerModel", config="c-2") == []
    gateway.end()


def test_a_sleeping_serverless_endpoint_has_zeros_of_its_own(world: World) -> None:
    sleeping = VariantRoute("v", 1.0, (), max_concurrency=5)
    world.routes = [EndpointRoute(SUBJECT.account, SUBJECT.region, "e", "arn", (sleeping,))]
    world.fill()
    world.time = START + 80.0
    world.fill()
    assert world.read("Invocations") == [(0, 1, 0)]
    assert world.read("ServerlessConcurrentExecutionsUtilization") == [(0, 1, 0)]
    assert world.read("InvocationsPerInstance") == []


def test_what_was_not_watched_is_not_called_quiet(world: World) -> None:
    world.fill()
    world.time = START + 3600.0
    world.fill()
    assert len(world.read("Invocations")) == 5


def test_an_endpoint_without_instances_has_no_metrics(world: World) -> None:
    world.fill()
    world.routes = [route(0)]
    world.time = START + 100.0
    world.fill()
    assert world.read("Invocations") == []


def test_calls_of_a_variant_that_is_gone_have_its_last_known_size(world: World) -> None:
    world.sweep()
    world.routes = []
    gateway = world.gateway("1-11")
    gateway.calls(4)
    world.sweep()
    assert world.read("InvocationsPerInstance") == [(0, 4, 2)]
    gateway.end()


def test_nothing_is_read_before_the_routes_are_known(world: World) -> None:
    world.routes = None
    gateway = world.gateway("1-11")
    gateway.calls(1)

    async def run() -> None:
        running = asyncio.create_task(world.ingest.run())
        await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(run())
    assert world.read("Invocations") == []
    gateway.end()


def test_lines_that_are_no_records_are_told_and_passed_by(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = world.gateway("1-11")
    gateway.say([b"[hostler] 7 lines of output were lost here"])
    gateway.calls(1)
    world.sweep()
    assert world.read("Invocations") == [(0, 1, 1)]
    assert "7 lines of output were lost" in caplog.text
    gateway.end()


def known(world: World) -> tuple[float | None, float | None, dict[str, float]]:
    """Until when calls are known, since when, and who was called last when; since the start."""
    until = world.ingest.counted.known_until
    since = world.store.run(calls.whole_since)
    last = world.store.run(calls.last)
    return (
        None if until is None else until - START,
        None if since is None else since - START,
        {callee.endpoint: at - START for callee, at in last.items()},
    )


def test_calls_are_known_until_the_least_of_what_gateways_tell(world: World) -> None:
    world.sweep()
    assert known(world) == (None, 10, {}), "nobody is there to tell"
    one, other = world.gateway("1-11"), world.gateway("1-12")
    one.calls(1, START - 86_400)
    one.tell(START + 8)
    world.sweep()
    assert known(world)[0] is None, "the other one has not told yet"
    other.tell(START + 3)
    world.sweep()
    assert known(world) == (3, 10, {"e": 10 + calls.STEP_S}), "noted when it was read"
    one.end()
    other.tell(START + 5)
    world.sweep()
    assert known(world)[:2] == (5, 10), "one that ended well leaves nothing open"
    other.end()
    world.sweep()
    assert known(world)[:2] == (None, 10)


def test_what_gateways_told_before_the_machine_slept_is_no_longer_known(world: World) -> None:
    gateway = world.gateway("1-11")
    gateway.tell(START + 9)
    world.sweep()
    assert known(world)[0] == 9
    world.time, world.slept_s = START + 3611.0, 3600.0
    gateway.tell(START + 10)
    world.sweep()
    assert known(world)[0] is None, "a call may have come since, an hour ago"
    world.time += 4.0
    gateway.tell(START + 13)
    world.sweep()
    assert known(world)[0] == 3613
    gateway.end()


def test_a_gateway_that_is_killed_may_have_lost_calls(world: World) -> None:
    gateway = world.gateway("1-11")
    gateway.tell(START + 8)
    world.sweep()
    gateway.end(killed=True)
    world.time = START + 60
    world.sweep()
    assert known(world)[1] == 60
    metric = metrics.metric(*SUBJECT[:2], "Hostler", "CallsLost", ())
    found = world.store.run(
        lambda tx: metrics.read(tx, metric, period_s=60, start_s=START + 60, end_s=START + 120)
    )
    assert [each.point.total for each in found] == [1], "whoever reads metrics is told as well"


def test_lines_that_are_lost_are_calls_that_may_be(world: World) -> None:
    gateway = world.gateway("1-11")
    world.sweep()
    world.time = START + 70
    gateway.say([b"[hostler] 7 lines of output were lost here"])
    world.sweep()
    assert known(world)[1] == 70
    gateway.end()


def test_the_end_of_a_spool_is_found_by_another_life_as_well(world: World) -> None:
    gateway = world.gateway("1-11")
    gateway.calls(1)
    gateway.tell(START, ended=True)
    world.sweep()
    world.time = START + 30
    world.restarted()
    gateway.end()
    world.sweep()
    assert known(world)[1] == 10


def test_a_gateway_without_a_spool_counts_for_nobody(world: World) -> None:
    gateway = world.gateway("1-11")
    gateway.tell(START + 8)
    world.sweep()
    world.connected, world.time = 2, START + 20
    world.sweep()
    assert known(world)[:2] == (None, 10), "it may just be ending"
    world.time = START + 22
    world.sweep()
    assert known(world)[:2] == (None, 22)
    world.connected = 1
    gateway.tell(START + 23)
    world.sweep()
    assert known(world)[:2] == (23, 22)
    gateway.end()


def test_calls_of_long_ago_are_forgotten(world: World) -> None:
    gateway = world.gateway("1-11")
    gateway.calls(1)
    world.sweep()
    world.time += 456 * 86_400
    asyncio.run(world.ingest.housekeep())
    assert known(world)[2] == {}
    gateway.end()
