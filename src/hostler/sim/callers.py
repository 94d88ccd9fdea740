"""Callers of serverless endpoints: they wait in a gateway, which asks control for environments.

The gateway's part is played with its own ``Waking``; that MaxConcurrency is exact is played too, as
the gateways' page makes it so.

Invariant: a caller is answered, throttled, or refused at its deadline, whatever happens; with no
fault about, nobody is refused.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random

from hostler.domain.ids import InstanceId
from hostler.domain.instance import Phase
from hostler.domain.snapshot import Demand, EndpointRoute, TargetRoute
from hostler.gateway.waking import Call, Waking
from hostler.sim.backend import FakeBackend
from hostler.sim.gateways import Gateway

DEADLINE_S = 60.0
SWEEP_S = 0.5
PROBE_S_MAX = 200.0
"""Longer than a start-up time-out and the longest pause between two starts."""

Tell = Callable[[Gateway, Sequence[Demand]], None]


@dataclass(slots=True)
class Line:
    """One serverless variant at one gateway."""

    gateway: Gateway
    waking: Waking = field(default_factory=Waking)
    busy: set[str] = field(default_factory=set)
    """Environments that compute for this gateway."""


@dataclass(slots=True)
class Callers:
    """Everybody who calls, through every gateway.

    ``tell`` carries what a gateway says to control, if it gets there; ``report`` takes a finding.
    """

    rng: Random
    gateways: Sequence[Gateway]
    backend: FakeBackend
    tell: Tell
    report: Callable[[str], None]
    strict: bool
    """Whether there is no fault about, so that everybody is to be answered."""
    in_flight: dict[str, int] = field(default_factory=dict)
    """By endpoint id, over all gateways."""
    _lines: dict[tuple[str, str], Line] = field(default_factory=dict)
    """By gateway and endpoint id."""
    _stirred: asyncio.Event = field(default_factory=asyncio.Event)

    def stir(self) -> None:
        """Something changed: whoever waits looks again."""
        before, self._stirred = self._stirred, asyncio.Event()
        before.set()

    def connected(self, gateway: Gateway) -> None:
        """A gateway found a new life of control."""
        for line in self._lines.values():
            if line.gateway is gateway:
                line.waking.forget()

    async def use(self, until_s: float) -> None:
        """Call now and then, sometimes many at once, until the time is up."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as calls:
            while loop.time() < until_s:
                await asyncio.sleep(self.rng.uniform(0.5, self.rng.choice((12.0, 12.0, 60.0))))
                for gateway in self.gateways:
                    for route in list(self._serverless(gateway)):
                        for _ in range(self.rng.choice((0, 1, 1, 2, 6))):
                            calls.create_task(self._call(gateway, route, DEADLINE_S))

    async def probe(self) -> None:
        """Once the faults are over: everything that is in service answers."""
        async with asyncio.TaskGroup() as calls:
            for gateway in self.gateways:
                for route in list(self._serverless(gateway)):
                    calls.create_task(self._call(gateway, route, PROBE_S_MAX, probing=True))

    async def sweep(self) -> None:
        """What each gateway does twice a second, for ever."""
        while True:
            await asyncio.sleep(SWEEP_S)
            now = asyncio.get_running_loop().time()
            for (_, endpoint_id), line in list(self._lines.items()):
                route = self._route(line.gateway, endpoint_id)
                if route is None or line.gateway.hung_until > now:
                    continue
                total = self.in_flight.get(endpoint_id, 0)
                call = line.waking.due(now, len(route.variants[0].targets), total)
                self._say(line, route, call)

    async def _call(
        self, gateway: Gateway, route: EndpointRoute, patience_s: float, *, probing: bool = False
    ) -> None:
        taken = self.in_flight.get(route.id, 0)
        if taken >= route.variants[0].max_concurrency:
            return  # throttled
        line = self._lines.setdefault((gateway.name, route.id), Line(gateway))
        now = asyncio.get_running_loop().time()
        self.in_flight[route.id] = taken + 1
        line.waking.began(now)
        if not route.variants[0].targets:
            self._say(line, route, line.waking.at_once(now))
        try:
            answered = await self._served(line, route, now + patience_s)
        finally:
            line.waking.ended(asyncio.get_running_loop().time())
            self.in_flight[route.id] -= 1
            self.stir()
        if not answered and (self.strict or probing):
            self.report(f"{gateway.name}: a caller of {route.name} waited in vain")

    async def _served(self, line: Line, route: EndpointRoute, deadline: float) -> bool:
        """Whether it was answered by then, or its endpoint is gone."""
        loop = asyncio.get_running_loop()
        while loop.time() < deadline:
            known = self._route(line.gateway, route.id)
            if known is None:
                return True
            target = self._idle(line, known)
            if target is not None:
                line.busy.add(target.instance_id)
                await asyncio.sleep(self.rng.choice((0.01, 0.01, 0.3, 3.0)))
                line.busy.discard(target.instance_id)
                return True
            try:
                async with asyncio.timeout(deadline - loop.time()):
                    await self._stirred.wait()
            except TimeoutError:
                break
        return False

    def _idle(self, line: Line, route: EndpointRoute) -> TargetRoute | None:
        for target in route.variants[0].targets:
            instance = self.backend.instances.get(InstanceId(target.instance_id))
            is_ready = instance is not None and instance.phase is Phase.READY
            if is_ready and target.instance_id not in line.busy:
                return target
        return None

    def _say(self, line: Line, route: EndpointRoute, call: Call | None) -> None:
        if call is not None:
            demand = Demand(route.id, route.variants[0].name, call.environments, call.idle_s)
            self.tell(line.gateway, (demand,))

    def _route(self, gateway: Gateway, endpoint_id: str) -> EndpointRoute | None:
        return next((r for r in self._serverless(gateway) if r.id == endpoint_id), None)

    def _serverless(self, gateway: Gateway) -> Iterable[EndpointRoute]:
        return (r for r in gateway.routes if r.variants and r.variants[0].max_concurrency)
