"""What a call and a sweep cost does not grow with the number of endpoints: counted, not timed."""

import asyncio
import gc
import sys
from collections import Counter
from collections.abc import Callable
from math import ceil
from typing import Any

import pytest

from gateway_pieces import UNSHARED, Bench, Worker, bench, signed
from gateway_rig import ACCOUNT, REGION, snapshot_of
from hostler.domain.snapshot import EndpointRoute, TargetRoute, VariantRoute
from hostler.gateway.comparer import Comparer
from hostler.gateway.fleet import PROBE_EVERY_S, Fleet
from hostler.gateway.gateway import SWEEP_S
from hostler.gateway.limits import Limits
from hostler.gateway.record import Recorder
from hostler.gateway.shadow import Copying
from hostler.gateway.target import Target
from hostler.modelserver import frames


def routes(count: int, *, instances: bool) -> tuple[EndpointRoute, ...]:
    """Demo, and so many others."""
    names = ["Demo", *(f"other-{number}" for number in range(count - 1))]
    return tuple(
        EndpointRoute(ACCOUNT, REGION, name, f"arn:{name}", (_variant(name, instances),))
        for name in names
    )


def _variant(name: str, instances: bool) -> VariantRoute:
    targets = (TargetRoute(f"i-{name}", ("w0.sock",)),)
    return VariantRoute("AllTraffic", 1.0, targets if instances else ())


def steps_of(work: Callable[[], Any]) -> int:
    """How many instructions of Python's some work runs, and functions of C's it calls."""
    count = 0

    def profile(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event == "c_call"

    def trace(frame: Any, event: str, _argument: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return trace

    gc.disable()  # what a collection calls (hypothesis asks to hear of each) is not the work's
    sys.setprofile(profile)
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(None)
        sys.setprofile(None)
        gc.enable()
    return count


def cost_of_a_call(endpoints: int) -> int:
    with bench() as made:
        made.gateway.use(snapshot_of(routes(endpoints, instances=False)))
        worker, client = made.instance(), made.client()
        request = signed()  # of one moment: each second's first is verified at more length
        for number in (1, 2):  # from then on what is remembered until the next snapshot is
            client.sends(request)
            worker.answers(number)

        def call() -> None:
            client.sends(request)
            worker.answers(3)

        cost = steps_of(call)
        assert [status for status, _ in client.reads()] == [200, 200, 200]
        return cost


def test_what_is_gone_through_one_by_one_is_seen() -> None:
    def scan(count: int) -> None:
        for _ in range(count):
            pass

    assert steps_of(lambda: scan(500)) > steps_of(lambda: scan(1)) + 499


def test_a_call_costs_the_same_among_one_or_five_hundred_endpoints() -> None:
    assert cost_of_a_call(1) == cost_of_a_call(500)


def test_one_connection_to_a_hundred_endpoints_comes_to_have_a_mould_for_each() -> None:
    """Only the first eight had one: all others went through the parser, at three times the cost."""
    with bench() as made:
        every = routes(100, instances=False)
        made.gateway.use(snapshot_of(every))
        client = made.client()
        requests = {each.name: signed(path=f"/endpoints/{each.name}/invocations") for each in every}
        workers = {each.name: _worker(made, each.name) for each in every}
        moulded: list[int] = []
        for turn in range(1, 8):
            before = client.connection.moulds_cast
            for name, request in requests.items():
                client.sends(request)
                workers[name].answers(turn)
            moulded.append(before - client.connection.moulds_cast)
        assert len(client.reads()) == 700
        assert moulded == [-8, 0, 0, 0, 100 - 2 * 36, 100, 100]


def _worker(made: Bench, name: str) -> Worker:
    """An instance of one of the endpoints."""
    endpoint = made.gateway.routes.find(ACCOUNT, REGION, name)
    assert endpoint is not None
    pool = endpoint.variants[0].pool
    target = Target(
        TargetRoute(f"i-{name}", ("w0.sock",)), pool, UNSHARED, _undialled, made.later.append
    )
    pool.targets = (target,)
    return Worker(target, 64, made.turn)


def _undialled(_target: Target, _slot: int, _delay_s: float) -> None:
    """No connection is made: the test has made it."""


@pytest.mark.parametrize("count", [1, 7, 500])
def test_idle_workers_are_asked_in_turn_a_few_in_each_sweep(count: int) -> None:
    dialled: list[Target] = []
    with asyncio.Runner() as runner:
        comparer = Comparer(runner.get_loop(), lambda *_: None)
    fleet = Fleet(
        Limits(),
        Recorder(),
        UNSHARED,
        lambda target, *_: dialled.append(target),
        _never,
        copying=Copying(Limits(), comparer, _never),
    )
    fleet.apply(snapshot_of(routes(count, instances=True)))
    workers = [Worker(target, 64, lambda: None) for target in dialled]
    fleet.sweep(1000.0)
    asked: Counter[int] = Counter()
    for turn in range(1, round(PROBE_EVERY_S / SWEEP_S) + 1):
        _answer(workers)
        fleet.sweep(1000.0 + turn * SWEEP_S)
        now = [number for number, worker in enumerate(workers) if worker.link.pinged]
        assert len(now) <= ceil(count * SWEEP_S / PROBE_EVERY_S)
        asked.update(now)
    assert len(asked) == count


def _answer(workers: list[Worker]) -> None:
    for worker in workers:
        worker.says(frames.frame(frames.PONG, 0))


def _never(_call: Callable[[], None]) -> None:
    """The loop's next turn, which does not come."""
