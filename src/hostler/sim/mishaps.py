"""What befalls instances, gateways and the wall clock while a seed's faults last.

Invariant: a mishap is something the world does; it never calls into the control plane.
"""

import asyncio
from random import Random
from typing import Protocol

from hostler.domain.ids import InstanceId
from hostler.domain.instance import FailureCause, Phase
from hostler.sim.alarms import NAMES, Alarms
from hostler.sim.backend import FakeBackend
from hostler.sim.faults import Faults
from hostler.sim.gateways import Fleet, SlowPublisher
from hostler.sim.oracles import Oracles

CLOCK_JUMP_S = 3600.0
ALARM_S_MAX = 15.0
HANG_S = (3.0, 20.0)
"""Shorter and longer than the patience with a gateway."""


class Stricken(Protocol):
    """The world, as mishaps see it."""

    rng: Random
    faults: Faults
    backend: FakeBackend
    gateways: Fleet
    oracles: Oracles
    alarms: Alarms
    wall_offset: float

    @property
    def publisher(self) -> SlowPublisher: ...


def schedule(world: Stricken) -> None:
    """Set a time for each of the seed's mishaps."""
    loop, faults = asyncio.get_running_loop(), world.faults
    for count, mishap in (
        (faults.deaths, _kill_one),
        (faults.foreign_stops, _signal_one),
        (faults.clock_jumps, _move_clock),
        (faults.gateway_hangs, _hang_gateway),
        (faults.gateway_restarts, _restart_gateway),
        (faults.alarms, _trouble),
    ):
        for _ in range(count):
            loop.call_at(world.rng.uniform(1.0, faults.until_s), mishap, world)


def _some_instance(world: Stricken) -> InstanceId | None:
    alive = [
        key
        for key, instance in world.backend.instances.items()
        if instance.phase in (Phase.STARTING, Phase.READY)
    ]
    return world.rng.choice(alive) if alive else None


def _kill_one(world: Stricken) -> None:
    if key := _some_instance(world):
        world.oracles.note(f"{key} is killed")
        world.backend.end(key, FailureCause.KILLED, "killed by somebody")


def _signal_one(world: Stricken) -> None:
    if key := _some_instance(world):
        world.oracles.note(f"{key} is told to stop by somebody")
        world.backend.ask_to_stop(key)


def _move_clock(world: Stricken) -> None:
    """The next process to start reads another time."""
    world.wall_offset += world.rng.choice((-CLOCK_JUMP_S, CLOCK_JUMP_S))
    world.oracles.note(f"the wall clock is {world.wall_offset:+g} s off")


def _trouble(world: Stricken) -> None:
    """An alarm goes off, flaps, has no data, or is deleted, for a while."""
    rng, alarms = world.rng, world.alarms
    name = rng.choice(NAMES)
    rng.choice((alarms.fire, alarms.fire, alarms.delete, alarms.doubt))(name)
    over_s = rng.uniform(0.2, ALARM_S_MAX)
    asyncio.get_running_loop().call_later(over_s, alarms.mend, name)


def _hang_gateway(world: Stricken) -> None:
    gateway = world.rng.choice(world.gateways.gateways)
    seconds = world.rng.uniform(*HANG_S)
    gateway.hung_until = asyncio.get_running_loop().time() + seconds
    world.oracles.note(f"{gateway.name} hangs for {seconds:.1f} s")


def _restart_gateway(world: Stricken) -> None:
    gateway = world.rng.choice(world.gateways.gateways)
    world.oracles.note(f"{gateway.name} restarts")
    world.publisher.restart(gateway)
