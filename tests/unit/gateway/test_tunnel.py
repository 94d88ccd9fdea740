"""Tunnels end, and hold their sides back."""

from collections.abc import Iterator

import pytest

from gateway_pieces import Bench, Wire, bench
from hostler.gateway.tunnel import Pipe


@pytest.fixture
def gateway() -> Iterator[Bench]:
    with bench() as made:
        yield made


class Tunnel:
    """Two joined ends, whose transports the test plays."""

    def __init__(self, made: Bench) -> None:
        self.here, self.there = Pipe(made.gateway), Pipe(made.gateway)
        self.wires = [self._wire(self.here), self._wire(self.there)]
        made.gateway.tunnels.add(self.there)
        self.there.join(self.here)

    @staticmethod
    def _wire(pipe: Pipe) -> Wire:
        wire = Wire(pipe)

        pipe.connection_made(wire)
        return wire

    def ends(self, pipe: Pipe, wire: Wire) -> None:
        """As asyncio treats the end of what a peer sends."""
        if not pipe.eof_received():
            wire.close()


def test_a_tunnel_is_gone_when_both_sides_have_said_all(gateway: Bench) -> None:
    """Each side kept the other open: finished tunnels stayed for a quarter of an hour."""
    tunnel = Tunnel(gateway)
    here, there = tunnel.wires
    tunnel.ends(tunnel.here, here)
    assert there.half_closed
    assert not there.closed
    tunnel.there.data_received(b"the rest")
    assert here.take() == b"the rest"
    tunnel.ends(tunnel.there, there)
    assert here.closed
    assert there.closed
    assert not gateway.gateway.tunnels


def test_a_lost_side_takes_the_other_along(gateway: Bench) -> None:
    tunnel = Tunnel(gateway)
    here, there = tunnel.wires
    here.close()
    assert there.closed
    assert not gateway.gateway.tunnels


def test_a_tunnel_in_which_nothing_moves_ends(gateway: Bench) -> None:
    tunnel = Tunnel(gateway)
    limit = gateway.gateway.limits.tunnel_idle_s
    tunnel.here.moved = tunnel.there.moved = 100.0
    tunnel.there.expire(100.0 + limit)
    assert not tunnel.wires[0].closed
    tunnel.there.expire(101.0 + limit)
    assert all(wire.closed for wire in tunnel.wires)


def test_a_silent_tunnel_does_not_hold_up_a_gateway_that_stops(gateway: Bench) -> None:
    tunnel = Tunnel(gateway)
    limit = gateway.gateway.limits.tunnel_drain_idle_s
    tunnel.here.moved = tunnel.there.moved = 100.0
    gateway.gateway.draining = True
    tunnel.there.expire(100.0 + limit)
    assert not tunnel.wires[0].closed
    tunnel.there.expire(101.0 + limit)
    assert all(wire.closed for wire in tunnel.wires)
