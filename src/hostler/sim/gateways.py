"""Gateways that outlive the control plane, and the publisher with which a life of it tells them.

Invariant: a gateway uses whole snapshots in order and acknowledges one only after it is in use;
what it did not hear of, it goes on without.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random

from hostler.domain.snapshot import EndpointRoute, Snapshot

CUT_OFF_S = 10.0
"""A subscriber that acknowledges nothing for so long is disconnected, as by the real publisher."""
RECONNECT_S_MAX = 1.0
RETRY_S = 0.5


@dataclass(slots=True)
class Gateway:
    """What one gateway knows. ``hung_until`` is the loop's time."""

    name: str
    snapshot: Snapshot | None = None
    hung_until: float = 0.0

    @property
    def generation(self) -> int:
        return self.snapshot.generation if self.snapshot else 0

    @property
    def routes(self) -> Iterable[EndpointRoute]:
        return self.snapshot.endpoints if self.snapshot else ()


@dataclass(slots=True)
class Fleet:
    """All gateways, and the snapshot file they start from."""

    gateways: list[Gateway]
    file: Snapshot | None = None
    on_publish: Callable[[Snapshot], None] = lambda _snapshot: None
    on_use: Callable[[Gateway], None] = lambda _gateway: None
    on_connect: Callable[[Gateway], None] = lambda _gateway: None


@dataclass(slots=True)
class SlowPublisher:
    """One life's publisher; implements ``control.publish.SnapshotPublisher``."""

    fleet: Fleet
    rng: Random
    latency_s_max: float
    on_ack: Callable[[int], None]
    alive: bool = True
    _acked: dict[str, int] = field(default_factory=dict)
    """By the gateways that are connected to this life."""

    def begin(self) -> None:
        """Every gateway finds the new life within a second."""
        for gateway in self.fleet.gateways:
            delay = self.rng.uniform(0.0, RECONNECT_S_MAX)
            _loop().call_later(delay, self._connect, gateway)

    def next_generation(self) -> int:
        return (self.fleet.file.generation if self.fleet.file else 0) + 1

    def publish(self, snapshot: Snapshot) -> None:
        if not self.alive:
            return
        self.fleet.file = snapshot
        self.fleet.on_publish(snapshot)
        for gateway in self.fleet.gateways:
            if gateway.name in self._acked:
                self._send(gateway, snapshot)

    def acked(self, generation: int) -> bool:
        return all(acked >= generation for acked in self._acked.values())

    def hears(self, gateway: Gateway) -> bool:
        """Whether the gateway is connected to this life."""
        return self.alive and gateway.name in self._acked

    def restart(self, gateway: Gateway) -> None:
        """A gateway dies; its successor starts from the file and connects again."""
        self._disconnect(gateway)
        gateway.hung_until = 0.0
        gateway.snapshot = self.fleet.file
        self.fleet.on_use(gateway)
        _loop().call_later(self.rng.uniform(0.0, RECONNECT_S_MAX), self._connect, gateway)

    def _connect(self, gateway: Gateway) -> None:
        if not self.alive or gateway.name in self._acked:
            return
        if gateway.hung_until > _loop().time():
            _loop().call_later(RETRY_S, self._connect, gateway)
            return
        self._acked[gateway.name] = 0
        self.fleet.on_connect(gateway)
        if self.fleet.file is not None:
            self._send(gateway, self.fleet.file)

    def _disconnect(self, gateway: Gateway) -> None:
        if self._acked.pop(gateway.name, None) is not None and self.alive:
            self.on_ack(0)

    def _send(self, gateway: Gateway, snapshot: Snapshot) -> None:
        loop = _loop()
        wait = max(0.0, gateway.hung_until - loop.time())
        if wait > CUT_OFF_S:
            loop.call_later(CUT_OFF_S, self._disconnect, gateway)
            loop.call_later(wait, self._connect, gateway)
            return
        loop.call_later(
            wait + self.rng.uniform(0.0, self.latency_s_max), self._use, gateway, snapshot
        )

    def _use(self, gateway: Gateway, snapshot: Snapshot) -> None:
        """What arrives is used, even if the control plane that sent it is dead by now."""
        if snapshot.generation > gateway.generation:
            gateway.snapshot = snapshot
            self.fleet.on_use(gateway)
        if self.alive and gateway.name in self._acked:
            self._acked[gateway.name] = max(self._acked[gateway.name], snapshot.generation)
            self.on_ack(snapshot.generation)


def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()
