"""A gateway whose endpoint Demo has a shadow, without sockets and processes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gateway_pieces import UNSHARED, Bench, Client, Worker, bench, signed
from gateway_rig import ACCOUNT, REGION, snapshot_of
from hostler.domain.ids import sagemaker_arn
from hostler.domain.snapshot import EndpointRoute, TargetRoute, VariantRoute
from hostler.domain.subject import Subject
from hostler.gateway.record import ShadowCounters
from hostler.gateway.shadow import Mirror
from hostler.gateway.target import Target

LIVE, NEXT = VariantRoute("AllTraffic", 1.0, ()), VariantRoute("next", 1.0, ())
ARN = sagemaker_arn(REGION, ACCOUNT, "endpoint", "Demo")


class Shadowed:
    """Demo with one instance, and one of its shadow."""

    def __init__(self, made: Bench) -> None:
        self.bench = made
        self.gateway = made.gateway
        self.route()
        self.live = made.instance()
        self.next = self.shadow_instance()

    def route(self, mirrored: float = 1.0, *, shadowed: bool = True, **tags: str) -> None:
        """Put a snapshot to use; instances that a test made are not in it, and stay."""
        instances = self.bench.pool.targets, self.mirror.pool.targets if self._mirror() else ()
        shadows = (NEXT,) if shadowed else ()
        route = EndpointRoute(
            ACCOUNT, REGION, "Demo", ARN, (LIVE,), tags, shadows=shadows, mirrored=mirrored
        )
        self.gateway.use(snapshot_of((route,)))
        self.bench.pool.targets = instances[0]
        if shadowed:
            self.mirror.pool.targets = instances[1]

    def _mirror(self) -> Mirror | None:
        endpoint = self.gateway.routes.find(ACCOUNT, REGION, "Demo")
        assert endpoint is not None
        return endpoint.variants[0].mirror

    @property
    def mirror(self) -> Mirror:
        mirror = self._mirror()
        assert mirror is not None
        return mirror

    @property
    def counters(self) -> ShadowCounters:
        return self.gateway.recorder.shadow(Subject(ACCOUNT, REGION, "Demo", "next"))

    def shadow_instance(self, name: str = "i-next", credit: int = 64) -> Worker:
        pool = self.mirror.pool
        route = TargetRoute(name, ("w0.sock",))
        target = Target(route, pool, UNSHARED, lambda *_: None, self.bench.later.append)
        pool.targets = (*pool.targets, target)
        return Worker(target, credit, self.bench.turn)

    def turn(self) -> None:
        """The event loop's next turn, as far as copies are concerned."""
        self.gateway.loop.call_soon(self.gateway.loop.stop)
        self.gateway.loop.run_forever()

    def call(self, body: bytes = b"{}", answer: bytes = b"ok", **extra: str) -> Client:
        """A caller who is answered."""
        client = self.bench.client()
        client.sends(signed(body, **extra))
        self.live.answers(self.asked(), answer)
        return client

    def asked(self) -> int:
        """The id of the production instance's newest request."""
        return self.live.heard()[-1][1]

    def told(self) -> dict[str, Any]:
        """What was counted of the shadow since the last time."""
        drained: dict[str, Any] = self.counters.drain()
        return drained | drained.pop("shadow")


@contextmanager
def shadowed(**limits: Any) -> Iterator[Shadowed]:
    with bench(**limits) as made:
        yield Shadowed(made)
