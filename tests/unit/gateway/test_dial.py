"""How often a gateway tries to reach a worker: by a loop whose time is virtual."""

from collections.abc import Callable
from typing import Any

from gateway_pieces import UNSHARED, Wire
from hostler.domain.snapshot import TargetRoute
from hostler.gateway import chain
from hostler.gateway.dial import PAUSE_S_MAX, Dialer
from hostler.gateway.link import Link
from hostler.gateway.pool import Pool
from hostler.gateway.target import RECONNECT_S, Target
from hostler.modelserver import frames
from hostler.sim.loop import VirtualLoop

GREETING = frames.frame(frames.HELLO, 1, frames.HELLO_PAYLOAD.pack(4, 0, 77))
OTHER_VERSION = bytes([*GREETING[:4], frames.VERSION + 1, *GREETING[5:]])


class Worker(VirtualLoop):
    """A worker that says something to each who connects, and then ends the connection.

    Args:
        said: None while nobody listens.
    """

    def __init__(self, said: bytes | None) -> None:
        super().__init__()
        self.said = said
        self.reached: list[float] = []
        """When (s)."""
        self.target = Target(
            TargetRoute("i-1", ("w0.sock",)),
            Pool(chain.reroute),
            UNSHARED,
            Dialer(self),
            self.call_soon,
        )
        self.target.open()

    async def create_unix_connection(  # type: ignore[override]
        self, factory: Callable[[], Any], _path: str, **_: Any
    ) -> tuple[Wire, Link]:
        self.reached.append(self.time())
        if self.said is None:
            raise ConnectionRefusedError
        link: Link = factory()
        wire = Wire(link)
        link.connection_made(wire)
        self.call_soon(self._speak, link, self.said)
        return wire, link

    @staticmethod
    def _speak(link: Link, said: bytes) -> None:
        if said:
            link.data_received(said)
        link.close()

    def pass_by(self, seconds: float) -> list[float]:
        """The pauses between attempts in so many seconds."""
        self.reached = []
        self.call_later(seconds, self.stop)
        self.run_forever()
        pairs = zip(self.reached, self.reached[1:], strict=False)
        return [later - before for before, later in pairs]

    def ends(self) -> None:
        """Nobody wants it any more, or tries to reach it."""
        self.target.retire()
        self.pass_by(PAUSE_S_MAX)
        self.pass_by(60.0)
        assert not self.reached
        self.close()


def test_a_worker_that_ends_connections_unasked_is_tried_less_and_less_often() -> None:
    """It is full, or of another version."""
    for said in (b"", OTHER_VERSION):
        worker = Worker(said)
        worker.pass_by(10.0)
        assert all(PAUSE_S_MAX / 2 <= pause <= PAUSE_S_MAX for pause in worker.pass_by(60.0))
        worker.ends()


def test_so_is_one_that_nobody_reaches_and_it_stays_so_until_it_has_greeted() -> None:
    worker = Worker(None)
    worker.pass_by(10.0)
    assert all(PAUSE_S_MAX / 2 <= pause <= PAUSE_S_MAX for pause in worker.pass_by(60.0))
    worker.said = b""
    assert all(PAUSE_S_MAX / 2 <= pause <= PAUSE_S_MAX for pause in worker.pass_by(60.0))
    worker.ends()


def test_a_worker_that_had_greeted_is_tried_at_once() -> None:
    worker = Worker(b"")
    worker.pass_by(10.0)
    worker.said = GREETING
    worker.pass_by(PAUSE_S_MAX)
    pauses = worker.pass_by(5.0)
    assert len(pauses) > 200
    assert max(pauses) < RECONNECT_S * 1.01
    worker.said = None
    pauses = worker.pass_by(5.0)
    assert min(pauses) < PAUSE_S_MAX / 16, "the pauses begin anew"
    worker.ends()
