"""The faults of ``make chaos`` in short form: what must hold however slow the machine is.

Not here, because other tests show it: what becomes of killed processes (test_kills), and how often
a start is tried again (the simulation).
"""

import os
import random
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from chaos import clients, instances, overload, planes
from chaos.__main__ import Fault
from chaos.scale import SHORT
from chaos.verdict import Kind
from chaos.world import World

from running import eventually, hostler

FAULTS: tuple[Fault, ...] = (
    instances.killed,
    instances.stopped,
    instances.out_of_memory,
    instances.dies_at_load,
    clients.slow,
    clients.large,
    clients.idle,
    clients.malformed_http,
    planes.restarted,
    planes.without_control,
    overload.overloaded,
)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with hostler() as server:
        yield World(server, random.Random(4), SHORT)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_what_must_hold_holds(world: World, fault: Fault) -> None:
    """Of F2 (``instances.stopped``) counts alone show that no call fails.

    That a stopped server is passed over is shown by test_gateway_faults'
    ``test_a_stopped_worker_is_passed_over``.
    """
    claims = [claim for claim in fault(world) if claim.kind is Kind.COUNT]
    assert claims
    wrong = [f"{claim.says}: {claim.seen}" for claim in claims if not claim.holds]
    assert not wrong, world.server.process_logs()


def test_of_two_gateways_calls_in_a_killed_server_s_line_the_one_it_computed_fails() -> None:
    """The page named one connection alone: all of the other gateway's calls there failed."""
    with hostler("--gateways", "2") as server, ThreadPoolExecutor(24) as callers:
        world = World(server, random.Random(4), SHORT)
        endpoint = world.endpoint("two-gateways", count=2)
        calls = [callers.submit(world.invoke, endpoint, sleep=0.4) for _ in range(24)]
        eventually("some are answered", lambda: sum(call.done() for call in calls) >= 6)
        victim = world.workers(endpoint)[0]
        os.kill(victim.pid, signal.SIGKILL)
        statuses = [call.result()[0] for call in calls]
    assert statuses.count(200) >= 23
    assert set(statuses) <= {200, 424}
