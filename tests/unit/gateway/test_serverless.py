"""A serverless variant's line: counted, woken, one request an environment, refused by name."""

import asyncio
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic, monotonic_ns
from types import MappingProxyType
from typing import Any

import pytest

from gateway_pieces import ACCOUNT, REGION, Bench, Client, Worker, signed
from gateway_rig import snapshot_of
from hostler.domain.snapshot import Demand, EndpointRoute, VariantRoute
from hostler.gateway import serverless
from hostler.gateway.limits import Limits
from hostler.gateway.serverless import ServerlessPool
from hostler.modelserver import frames, page

MOST = 3
ROUTE = VariantRoute("AllTraffic", 1.0, (), max_concurrency=MOST)


class Sleeper:
    """A gateway with a serverless endpoint, and what it tells control."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.told: list[Demand] = []
        self.hears = True
        bench.gateway.fleet.tell = self._tell
        assert isinstance(bench.pool, ServerlessPool)
        self.pool = bench.pool

    def _tell(self, demands: Sequence[Demand]) -> bool:
        if self.hears:
            self.told += demands
        return self.hears

    def environment(self, name: str = "i-1") -> Worker:
        """An environment of which the snapshot tells, and which has greeted us."""
        return self.bench.instance(name)

    def shared(self, name: str, page: str = "") -> Worker:
        """The same, where other gateways send as well."""
        worker = self.bench.instance(name, page=page)
        target = worker.link.target
        target.counts = self.bench.gateway.counts
        target.share(yes=True)
        return worker

    def calls(self) -> Client:
        client = self.bench.client()
        client.sends(signed())
        return client

    def asks(self, seconds: Sequence[float]) -> int:
        """The most environments that it asks for in sweeps so long from now."""
        self.told.clear()
        now = monotonic()
        for each in seconds:
            self.bench.gateway.fleet.sweep(now + each)
        return max((each.environments for each in self.told), default=0)

    def sends(self, worker: Worker) -> int:
        """The number of the request that it will send there."""
        found: list[int] = []

        def is_sent() -> bool:
            found.extend(requests(worker))
            return bool(found)

        self.until(is_sent)
        return found[0]

    def until(self, holds: Callable[[], object]) -> None:
        """Let time pass in the loop until something is so."""

        async def wait() -> None:
            async with asyncio.timeout(5):
                while not holds():
                    await asyncio.sleep(0.001)

        self.bench.gateway.loop.run_until_complete(wait())

    def publish(self, *endpoints: EndpointRoute) -> None:
        made = replace(snapshot_of(endpoints), generation=self.bench.gateway.generation + 1)
        self.bench.gateway.use(made)


@contextmanager
def sleepers(
    count: int = 1, route: VariantRoute = ROUTE, limits: Mapping[str, Any] = MappingProxyType({})
) -> Iterator[list[Sleeper]]:
    """Gateways of one data directory."""
    loop = asyncio.new_event_loop()
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="h-") as root:
        (Path(root) / "run").mkdir()
        made = [Bench(loop, Path(root), Limits(**limits), route) for _ in range(count)]
        try:
            yield [Sleeper(each) for each in made]
        finally:
            for each in made:
                each.gateway.close()
            loop.close()


@pytest.fixture
def sleeper() -> Iterator[Sleeper]:
    with sleepers() as (made,):
        yield made


def requests(worker: Worker) -> list[int]:
    return [number for kind, number, _ in worker.heard() if kind == frames.REQUEST]


def codes(answers: Sequence[tuple[int, bytes]]) -> list[int]:
    return [status for status, _ in answers]


def test_the_first_request_wakes_waits_and_is_answered(sleeper: Sleeper) -> None:
    client = sleeper.bench.client()
    client.sends(signed())
    assert sleeper.told == [Demand("e-demo", "AllTraffic", 1, 0.0)]
    assert client.reads() == []
    worker = sleeper.environment()
    (number,) = requests(worker)
    worker.answers(number, b"woken")
    assert client.reads() == [(200, b"woken")]


def test_callers_at_once_are_one_wake_and_the_surplus_is_throttled(sleeper: Sleeper) -> None:
    clients = [sleeper.bench.client() for _ in range(10)]
    for client in clients:
        client.sends(signed())
    assert len(sleeper.told) == 1
    refused = [client for client in clients if codes(client.reads()) == [400]]
    assert len(refused) == 10 - MOST
    worker = sleeper.environment()
    for number in range(1, MOST + 1):
        assert requests(worker) == [number], "one at a time"
        worker.answers(number)
    answers = [client.reads() for client in clients if client not in refused]
    assert answers == [[(200, b"ok")]] * MOST
    late = sleeper.bench.client()
    late.sends(signed())
    worker.answers(MOST + 1)
    assert codes(late.reads()) == [200], "there is room again"


def test_the_refusal_is_aws_throttling_with_the_limit(sleeper: Sleeper) -> None:
    clients = [sleeper.bench.client() for _ in range(MOST + 1)]
    for client in clients:
        client.sends(signed())
    raw = clients[-1].wire.take()
    assert raw.startswith(b"HTTP/1.1 400 ")
    assert b"x-amzn-ErrorType: ThrottlingException\r\n" in raw
    assert b"endpoint Demo has MaxConcurrency 3 invocations in flight already" in raw


def test_each_environment_has_one_request(sleeper: Sleeper) -> None:
    one, other = sleeper.environment("i-1"), sleeper.environment("i-2")
    for _ in range(3):
        sleeper.bench.client().sends(signed())
    assert (len(requests(one)), len(requests(other))) == (1, 1)
    other.answers(1)
    assert len(requests(other)) == 1


def test_the_limit_holds_over_all_gateways() -> None:
    with sleepers(3) as gateways:
        found = []
        for number in range(9):
            client = gateways[number % 3].bench.client()
            client.sends(signed())
            found.append((client, client.reads()))
        waiting = [client for client, answers in found if not answers]
        assert len(waiting) == MOST
        for client in waiting:
            client.leaves()
        again = gateways[2].bench.client()
        again.sends(signed())
        assert again.reads() == [], "their places are free"


def test_who_leaves_gives_the_place_back(sleeper: Sleeper) -> None:
    for _ in range(5):
        clients = [sleeper.bench.client() for _ in range(MOST)]
        for client in clients:
            client.sends(signed())
        assert [client.reads() for client in clients] == [[]] * MOST
        for client in clients:
            client.leaves()


def test_a_variant_that_rests_takes_no_room_among_the_counts() -> None:
    with sleepers(2) as (one, other):
        name = "serverless e-demo AllTraffic"
        counts = one.bench.gateway.counts
        assert counts.held(name) is None
        client = one.bench.client()
        client.sends(signed())
        assert counts.held(name) is not None
        client.leaves()
        for seconds in (0.5, 1.0, 2.0):
            one.bench.gateway.fleet.sweep(monotonic() + seconds)
            assert counts.held(name) is not None
        one.bench.gateway.fleet.sweep(monotonic() + 11.0)
        assert counts.held(name) is None
        for sleeper in (one, other, one, other):
            sleeper.bench.client().sends(signed())
        late = one.bench.client()
        late.sends(signed())
        assert codes(late.reads()) == [400], "the limit holds over both again"


def test_what_control_did_not_hear_is_said_again(sleeper: Sleeper) -> None:
    sleeper.hears = False
    sleeper.bench.client().sends(signed())
    sleeper.hears = True
    now = monotonic()
    sleeper.bench.gateway.fleet.sweep(now + 0.5)
    assert sleeper.told[-1].environments == 1
    count = len(sleeper.told)
    sleeper.bench.gateway.fleet.sweep(now + 0.6)
    assert len(sleeper.told) == count
    sleeper.bench.gateway.fleet.sweep(now + 2.0)
    assert sleeper.told[-1].environments == 1


def test_without_control_a_sleeping_endpoint_says_that_it_is_not_ready(sleeper: Sleeper) -> None:
    sleeper.hears = False
    client = sleeper.bench.client()
    client.sends(signed())
    sleeper.bench.gateway.fleet.sweep(monotonic() + 5)
    assert client.reads() == []
    sleeper.bench.gateway.fleet.sweep(monotonic() + 11)
    raw = client.wire.take()
    assert raw.startswith(b"HTTP/1.1 429 ")
    assert b"x-amzn-ErrorType: ModelNotReadyException\r\n" in raw


def test_a_start_that_takes_too_long_is_told_at_the_deadline(sleeper: Sleeper) -> None:
    client = sleeper.bench.client()
    client.sends(signed())
    sleeper.bench.gateway.fleet.sweep(monotonic() + 30)
    assert client.reads() == [], "a start that was asked for has its time"
    sleeper.bench.gateway.sweep(monotonic() + 61)
    assert codes(client.reads()) == [429]


def test_a_payload_above_four_megabytes_is_refused(sleeper: Sleeper) -> None:
    client = sleeper.bench.client()
    client.sends(signed(b"x" * (4 * 2**20 + 1)))
    sleeper.until(lambda: client.wire.written)
    ((status, body),) = client.reads()
    assert status == 400
    assert b"less than or equal to 4194304" in body
    assert sleeper.told == []


def test_sessions_are_refused_by_name(sleeper: Sleeper) -> None:
    answers, _ = sleeper.bench.answers_to(signed(x_amzn_sagemaker_session_id="NEW_SESSION"))
    assert b"is serverless and does not support SessionId" in answers[0][1]


def test_an_environment_that_is_lost_gives_back_what_it_had_not_begun(sleeper: Sleeper) -> None:
    worker = sleeper.environment()
    client = sleeper.bench.client()
    client.sends(signed())
    (number,) = requests(worker)
    worker.says(frames.frame(frames.REFUSED, number))
    (again,) = requests(worker)
    worker.answers(again)
    assert codes(client.reads()) == [200]


def test_what_waits_for_an_endpoint_that_is_deleted_is_told(sleeper: Sleeper) -> None:
    client = sleeper.bench.client()
    client.sends(signed())
    sleeper.publish()
    ((status, body),) = client.reads()
    assert (status, b"not found" in body) == (400, True)


def test_what_waits_goes_to_the_instances_that_take_its_place(sleeper: Sleeper) -> None:
    client = sleeper.bench.client()
    client.sends(signed())
    gateway = sleeper.bench.gateway
    endpoint = gateway.routes.find(ACCOUNT, REGION, "Demo")
    assert endpoint is not None
    route = EndpointRoute(
        ACCOUNT, REGION, "Demo", endpoint.arn, (replace(ROUTE, max_concurrency=0),), id="e-demo"
    )
    sleeper.publish(route)
    changed = gateway.routes.find(ACCOUNT, REGION, "Demo")
    assert changed is not None
    sleeper.bench.pool = changed.variants[0].pool
    assert not isinstance(sleeper.bench.pool, ServerlessPool)
    worker = sleeper.environment()
    worker.answers(requests(worker)[0])
    assert codes(client.reads()) == [200]


def deploys(sleeper: Sleeper, deployment: str) -> None:
    """Another deployment takes the place of the one before."""
    gateway = sleeper.bench.gateway
    endpoint = gateway.routes.find(ACCOUNT, REGION, "Demo")
    assert endpoint is not None
    variant = replace(ROUTE, deployment=deployment)
    sleeper.publish(EndpointRoute(ACCOUNT, REGION, "Demo", endpoint.arn, (variant,), id="e-demo"))
    changed = gateway.routes.find(ACCOUNT, REGION, "Demo")
    assert changed is not None
    assert changed.variants[0].pool is not sleeper.bench.pool
    sleeper.bench.pool = changed.variants[0].pool


def test_what_one_deployment_owes_is_counted_until_it_is_answered_and_so_is_the_other_s(
    sleeper: Sleeper,
) -> None:
    """The first let go of the row that both count in, and the second's answers were cut off."""
    clients = [sleeper.bench.client() for _ in range(MOST + 1)]
    former = sleeper.environment("i-1")
    clients[0].sends(signed())
    (number,) = requests(former)
    deploys(sleeper, "second")
    latter = sleeper.environment("i-2")
    for client in clients[1:]:
        client.sends(signed())
    assert [codes(client.reads()) for client in clients] == [[], [], [], [400]], "both are counted"
    former.answers(number)
    clients[-1].sends(signed())
    for number in range(1, MOST + 1):
        assert requests(latter) == [number]
        latter.answers(number)
    assert [codes(client.reads()) for client in clients] == [[200]] * len(clients)
    counts = sleeper.bench.gateway.counts
    row = counts.held("serverless e-demo AllTraffic")
    assert row is not None
    assert counts.total(row) == 0


def test_what_waits_for_one_deployment_keeps_its_place_in_the_next(sleeper: Sleeper) -> None:
    clients = [sleeper.bench.client() for _ in range(MOST)]
    for client in clients:
        client.sends(signed())
    deploys(sleeper, "second")
    assert [client.reads() for client in clients] == [[]] * MOST, "none is throttled"
    worker = sleeper.environment()
    for number in range(1, MOST + 1):
        assert requests(worker) == [number]
        worker.answers(number)
    assert [codes(client.reads()) for client in clients] == [[200]] * MOST


def test_what_is_used_is_in_the_record_with_the_time_of_the_start() -> None:
    with sleepers(route=replace(ROUTE, provisioned=1)) as (sleeper,):
        for _ in range(MOST + 1):
            sleeper.bench.client().sends(signed())
        began_ns = monotonic_ns()
        worker = sleeper.environment()
        for number in range(1, MOST + 1):
            worker.answers(number)
        (record,) = sleeper.bench.gateway.recorder.records(1.0)
        told = record["serverless"]
        assert (told["max_concurrency"], told["peak"], told["provisioned"]) == (MOST, MOST, 1)
        assert (told["provisioned_calls"], told["spilled"]) == (1, MOST - 1)
        assert sum(told["setup_us"]["buckets"].values()) == 1
        assert told["setup_us"]["sum"] >= 0 < began_ns
        assert record["errors_4xx"] == 1
        assert record["overhead_us"]["sum"] >= told["setup_us"]["sum"], "the start is overhead"


SWEEPS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0)


@pytest.mark.parametrize("most", [1, MOST])
def test_an_environment_that_computes_for_one_who_left_is_made_up_for(most: int) -> None:
    with sleepers(route=replace(ROUTE, max_concurrency=most)) as (sleeper,):
        first = sleeper.environment()
        sleeper.calls().leaves()
        second = sleeper.calls()
        assert len(requests(first)) == 1, "it cannot be stopped"
        assert sleeper.asks((0.5,)) == 0, "it may be done before another has started"
        assert sleeper.asks(SWEEPS) == min(2, most)
        other = sleeper.environment("i-2")
        other.answers(requests(other)[0])
        assert codes(second.reads()) == [200]


def test_who_left_another_gateway_is_made_up_for() -> None:
    with sleepers(2) as (one, other):
        one.shared("i-1")
        other.shared("i-1")
        one.calls().leaves()
        other.calls()
        assert other.asks((1.0, 1.5, 2.0)) == 2


def test_one_environment_too_few_is_asked_for_when_nobody_left() -> None:
    with sleepers(2) as (one, other):
        one.shared("i-1")
        other.shared("i-1")
        one.calls()
        other.calls()
        assert other.asks(SWEEPS) == 2


def test_none_is_put_behind_another_gateway_s_request_while_an_environment_becomes_idle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serverless, "BEHIND_S", 60.0)
    with sleepers(2, replace(ROUTE, max_concurrency=9)) as (one, other):
        its, ours = ([each.shared(name) for name in ("i-1", "i-2")] for each in (one, other))
        for _ in its:
            one.calls()
        waiting = [other.calls(), other.calls()]
        assert [requests(each) for each in ours] == [[], []]
        its[1].answers(requests(its[1])[0])
        ours[1].answers(other.sends(ours[1]))
        assert requests(ours[0]) == []
        ours[1].answers(requests(ours[1])[0])
        assert [codes(client.reads()) for client in waiting] == [[200], [200]]


def test_it_looks_again_while_any_waits_and_once_at_a_time(
    sleeper: Sleeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serverless, "BEHIND_S", 60.0)
    loop, looks = sleeper.bench.gateway.loop, list[float]()
    call_later = loop.call_later

    def counted(delay: float, callback: Any, *args: Any) -> asyncio.TimerHandle:
        looks.append(delay)
        return call_later(delay, callback, *args)

    target = sleeper.shared("i-1").link.target
    target.counts.add(target.row, 1)  # as another gateway's request is counted
    monkeypatch.setattr(loop, "call_later", counted)
    clients = [sleeper.calls() for _ in range(MOST)]
    assert looks == [serverless.LOOK_S]
    sleeper.until(lambda: looks.count(serverless.LOOK_S) > 2)
    for client in clients:
        client.leaves()
    sleeper.until(lambda: sleeper.pool._look is None)
    before = looks.count(serverless.LOOK_S)
    loop.run_until_complete(asyncio.sleep(3 * serverless.LOOK_S))
    assert looks.count(serverless.LOOK_S) == before


def test_what_a_stopped_gateway_counted_starves_nobody() -> None:
    with sleepers(2) as (one, other):
        one.shared("i-1")
        ours = other.shared("i-1")
        one.calls()
        client = other.calls()
        ours.answers(other.sends(ours))
        assert codes(client.reads()) == [200]


def test_none_is_put_behind_what_an_environment_has_computed_all_the_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serverless, "BEHIND_S", 0.0)
    path = str(tmp_path / "page")
    page.create(path, 1)
    with page.open_page(path, write=True) as mapped, sleepers() as (sleeper,):
        words = page.writer(mapped, 0)
        page.write_state(words, page.READY, 77)
        words[page.BUSY_SINCE] = monotonic_ns()
        worker = sleeper.shared("i-1", path)
        target = worker.link.target
        target.counts.add(target.row, 1)  # as another gateway's request is counted
        sleeper.calls()
        first = sleeper.pool._look
        sleeper.until(lambda: sleeper.pool._look is not first)
        assert requests(worker) == []
        words[page.BUSY_SINCE] = monotonic_ns()
        sleeper.sends(worker)
        words.release()


@pytest.mark.parametrize("limit", ["queue_max", "queue_bytes_max", "in_flight_max"])
def test_an_idle_environment_is_used_whatever_may_wait(limit: str) -> None:
    with sleepers(limits={limit: 0}) as (sleeper,):
        worker = sleeper.environment()
        client = sleeper.calls()
        worker.answers(requests(worker)[0])
        assert codes(client.reads()) == [200]


def test_max_concurrency_bounds_the_line_and_the_gateway_s_room_does() -> None:
    with sleepers(limits={"queue_max": 0}) as (sleeper,):
        assert [sleeper.calls().reads() for _ in range(MOST)] == [[]] * MOST
        assert codes(sleeper.calls().reads()) == [400]
    for limit in ("queue_bytes_max", "in_flight_max"):
        with sleepers(limits={limit: 1}) as (sleeper,):
            worker = sleeper.environment()
            clients = [sleeper.calls(), sleeper.calls()]
            assert codes(clients[1].reads()) == [503]
            worker.answers(requests(worker)[0])
            assert codes(clients[0].reads()) == [200]
