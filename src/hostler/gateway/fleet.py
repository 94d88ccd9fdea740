"""All instances and pools, brought into line with each snapshot.

Invariant: an instance that stays in the snapshot keeps its connections, and a deployment's variant
that stays keeps its pool, its line and its counters.
"""

from collections.abc import Iterator, Sequence
from math import ceil
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeAlias

from hostler.domain import endings, endpoint_tags
from hostler.domain.ids import endpoint_log_group
from hostler.domain.snapshot import Demand, EndpointRoute, Snapshot, VariantRoute
from hostler.domain.subject import Side, Subject, subject_of
from hostler.gateway import answers, chain, route
from hostler.gateway.compare import TOLERANCE
from hostler.gateway.counts import Counts
from hostler.gateway.pool import Pool
from hostler.gateway.record import Counters, Recorder
from hostler.gateway.serverless import ServerlessPool, Tell
from hostler.gateway.shadow import Copying, Mirror
from hostler.gateway.target import Dial, Soon, Target

if TYPE_CHECKING:
    from hostler.gateway.invocation import Invocation
    from hostler.gateway.limits import Limits
    from hostler.gateway.request import Request

PROBE_EVERY_S = 10.0
"""Each instance's turn to be asked for a sign of life comes so often, a few in each sweep."""
SWEEP_S_MAX = 0.6
"""As much of the time between two sweeps counts as silence: what came while this process itself was
kept from running is read only after it."""

_Line: TypeAlias = "Pool[Invocation]"
_Key: TypeAlias = tuple[Subject, str]
"""A pool's: the variant, and whose instances they are."""


class Fleet:
    """The instances of every endpoint."""

    def __init__(
        self,
        limits: "Limits",
        recorder: Recorder,
        counts: Counts,
        dial: Dial,
        soon: Soon,
        *,
        copying: Copying,
    ) -> None:
        self._limits = limits
        self._counts = counts
        self._dial = dial
        self._soon = soon
        self._recorder = recorder
        self._targets: dict[str, Target] = {}
        self._pools: dict[_Key, _Line] = {}
        self._mirrors: dict[Subject, Mirror] = {}
        """The shadows, each with a pool of its own."""
        self._copying = copying
        self._retiring: list[Target] = []
        self._leftover: list[_Line | Mirror] = []
        self._probed = 0.0
        self._swept = 0.0
        self._together = False
        """Whether other gateways send to the same instances."""
        self._unprobed: list[Target] = []
        """Those whose turn is still to come in this round."""
        self._serverless: list[ServerlessPool] = []
        self.tell: Tell = _nobody
        """Tells control which serverless variants are used."""

    def apply(self, snapshot: Snapshot) -> route.RouteTable:
        """Follow a snapshot: the table to route by from now on."""
        before, targets = self._targets.copy(), dict[str, Target]()
        leftover, pools = self._pools.copy(), dict[_Key, _Line]()
        shadows, mirrors = self._mirrors.copy(), dict[Subject, Mirror]()
        sides: set[Side] = set()
        filled: list[tuple[Pool[Any], VariantRoute]] = []

        def join(endpoint: EndpointRoute, variant: VariantRoute) -> tuple[_Line, Counters]:
            subject = subject_of(endpoint, variant)
            key = subject, variant.deployment
            known = leftover.get(key)
            if known is not None and known.is_of(endpoint, variant):
                pool = leftover.pop(key)
            else:
                pool = self._pool(endpoint, variant)
            pools[key] = pool
            filled.append((pool, variant))
            sides.add(Side(subject, variant.config))
            counters = self._recorder.counters(subject, variant.config)
            counters.serverless = pool.counters
            return pool, counters

        def reflect(endpoint: EndpointRoute) -> Mirror | None:
            if not endpoint.shadows:
                return None
            shadow = endpoint.shadows[0]
            subject = subject_of(endpoint, shadow)
            mirror = shadows.pop(subject, None) or self._mirror(subject)
            mirror.share = endpoint.mirrored
            tolerance = endpoint_tags.shadow_tolerance(endpoint.tags)
            mirror.tolerance = TOLERANCE if tolerance is None else tolerance
            mirror.tells_examples = endpoint_tags.shadow_examples(endpoint.tags)
            mirrors[subject] = mirror
            filled.append((mirror.pool, shadow))
            return mirror

        table = route.build(snapshot.endpoints, join, reflect)
        for pool, variant in filled:
            self._fill(pool, variant, before, targets)
        self._targets, self._pools, self._mirrors = targets, pools, mirrors
        self._serverless = [each for each in pools.values() if isinstance(each, ServerlessPool)]
        for target in before.values():
            target.retire()
            self._retiring.append(target)
        self._recorder.keep_only(
            sides,
            self._mirrors.keys(),
            now=monotonic(),
            call_s_max=self._limits.invocation_s + endings.MARGIN_S,
        )
        self._leftover = [*leftover.values(), *shadows.values()]
        return table

    def settle(self) -> None:
        """Once the new table is in use: send what waits, and route again what lost its variant."""
        for gone in self._leftover:
            gone.disband()
        self._leftover = []
        for pool in self._every_pool():
            pool.pump()

    def sweep(self, now: float) -> None:
        """Judge health, refuse what waits in vain, end what is retired (``now``: monotonic s)."""
        seconds, self._swept = min(now - self._swept, SWEEP_S_MAX), now
        self._see_others()
        for target in self._targets.values():
            target.watch(seconds)
        self._probe(now)
        limits = self._limits
        wait_s_max = min(limits.queue_wait_s, limits.invocation_s)
        read_before_ns = int((now - limits.unreachable_s) * 1e9)
        for mirror in self._mirrors.values():
            mirror.sweep(int(now * 1e9))
        for pool in self._every_pool():
            pool.judge(now, wait_s_max)
            pool.refuse_unreachable(read_before_ns, _unreachable)
        if self._serverless:
            self._demand(now)
        for target in self._retiring:
            target.close_if_idle()
        for target in [each for each in self._retiring if not any(each.links)]:
            target.share(yes=False)
            self._retiring.remove(target)

    def say_again(self) -> None:
        """Control has begun anew and knows nothing of what is used."""
        for pool in self._serverless:
            pool.say_again()

    def close(self) -> None:
        """End every connection."""
        for target in (*self._targets.values(), *self._retiring):
            target.retire()
            for link in target.links:
                if link is not None:
                    link.close()

    def summary(self) -> dict[str, int]:
        """Figures for the gateway's own health answer."""
        return {
            "instances": len(self._targets),
            "reachable": sum(target.reachable() for target in self._targets.values()),
        }

    def waiting(self) -> Iterator[tuple[Subject, int]]:
        """The variants that have invocations in line, and how many; of each deployment apart."""
        for (subject, _), pool in self._pools.items():
            if pool.waiting:
                yield subject, len(pool.waiting)

    def _pool(self, endpoint: EndpointRoute, variant: VariantRoute) -> _Line:
        if not variant.max_concurrency:
            return Pool(chain.reroute)
        return ServerlessPool(chain.reroute, endpoint, variant, self._counts, self._say)

    def _say(self, demands: Sequence[Demand]) -> bool:
        return self.tell(demands)

    def _demand(self, now: float) -> None:
        """Tell control what it is to hear of serverless variants."""
        said = [(pool, call) for pool in self._serverless if (call := pool.demand(now))]
        if said:
            heard = self.tell([call for _, call in said])
            for pool, _ in said:
                pool.told(yes=heard)

    def _every_pool(self) -> Iterator[Pool[Any]]:
        yield from self._pools.values()
        for mirror in self._mirrors.values():
            yield mirror.pool

    def _mirror(self, subject: Subject) -> Mirror:
        return Mirror(self._recorder.shadow(subject), self._copying)

    def _see_others(self) -> None:
        """Count together with other gateways as soon as there are any."""
        self._counts.look()
        together = not self._counts.alone
        if together or self._together:
            for target in (*self._targets.values(), *self._retiring):
                target.share(yes=together)
        self._together = together

    def _probe(self, now: float) -> None:
        """All in turn, so that no moment has to wake every idle worker of the machine."""
        share = ceil(len(self._targets) * (now - self._probed) / PROBE_EVERY_S)
        self._probed = now
        if not self._unprobed:
            self._unprobed = list(self._targets.values())
        turn, self._unprobed = self._unprobed[:share], self._unprobed[share:]
        for target in turn:
            target.probe()

    def _fill(
        self,
        pool: Pool[Any],
        variant: VariantRoute,
        before: dict[str, Target],
        targets: dict[str, Target],
    ) -> None:
        filled = []
        for each in variant.targets:
            target = before.get(each.instance_id)
            if target is not None and target.route == each and target.pool is pool:
                del before[each.instance_id]
            else:
                target = Target(each, pool, self._counts, self._dial, self._soon)
                target.share(yes=self._together)
                target.open()
            targets[each.instance_id] = target
            filled.append(target)
        if pool.targets != tuple(filled):
            pool.targets = tuple(filled)
            pool.forget_pace()
        pool.follow(variant)


def _nobody(_demands: Sequence[Demand]) -> bool:
    return False


def _unreachable(invocation: "Request") -> None:
    invocation.refuse(
        answers.SheddingError(
            "ServiceUnavailable",
            f"No instance of endpoint {invocation.name} can be reached at the moment: see "
            "VariantStatus in DescribeEndpoint for the last failure, and the log group "
            f"{endpoint_log_group(invocation.name)}.",
            2,
        )
    )
