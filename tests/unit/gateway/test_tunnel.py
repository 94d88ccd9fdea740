"""Tunnels end, and hold their sides back."""

import asyncio
import base64
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway_pieces import Bench, Wire, bench
from hostler.domain.layout import Layout
from hostler.gateway.intercept import ESTABLISHED
from hostler.gateway.limits import Limits
from hostler.gateway.tunnel import Pipe
from http_exchange import PlayedLoop


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


class GivenWire(Wire):
    """One that passes into other hands."""

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol


class HostLoop(PlayedLoop):
    """Connects to a host that speaks as soon as it is reached."""

    async def create_connection(  # type: ignore[override]
        self, factory: Callable[[], Any], *_place: Any
    ) -> tuple[Wire, Any]:
        protocol = factory()
        wire = Wire(protocol)
        protocol.connection_made(wire)
        protocol.data_received(b"220 ready")
        return wire, protocol


def test_a_client_hears_of_its_tunnel_before_it_hears_the_host() -> None:
    """Hosts of SMTP and SSH speak first."""
    loop = HostLoop()
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="h-") as root:
        made = Bench(loop, Path(root), Limits())
        token = Layout(Path(root)).proxy_token
        token.parent.mkdir(parents=True, exist_ok=True)
        token.write_text("secret")
        client = made.gateway.connect()
        wire = GivenWire(client)
        client.connection_made(wire)
        shown = base64.b64encode(b"hostler:secret").decode()
        client.data_received(
            b"CONNECT mail.example:25 HTTP/1.1\r\nHost: mail.example:25\r\n"
            + f"Proxy-Authorization: Basic {shown}\r\n\r\n".encode()
        )
        loop.run_until_complete(asyncio.sleep(0))
        assert wire.take() == ESTABLISHED + b"220 ready"
        made.gateway.close()
        loop.close()
