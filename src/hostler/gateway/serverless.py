"""A serverless variant's line: counted against MaxConcurrency, and a cause to wake it.

Whoever comes is counted before anything else, and joins the line; from there each environment gets
one request at a time. While there is no environment the line waits, and control is asked for one.

Invariant: over all gateways no more than MaxConcurrency requests have come and are not answered.
That bounds the line, and each request's deadline its wait in it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic, monotonic_ns
from typing import TYPE_CHECKING

from hostler.domain.errors import CallerError
from hostler.domain.ids import endpoint_log_group
from hostler.domain.serverless import PAYLOAD_BYTES_MAX
from hostler.domain.snapshot import Demand, EndpointRoute, VariantRoute
from hostler.gateway import forward
from hostler.gateway.answers import SheddingError
from hostler.gateway.counts import Counts
from hostler.gateway.pool import Pool
from hostler.gateway.record import ServerlessCounters
from hostler.gateway.target import Target
from hostler.gateway.waking import Call, Waking
from hostler.planning.worth import PATIENCE_S

if TYPE_CHECKING:
    from asyncio import TimerHandle

    from hostler.gateway.invocation import Invocation
    from hostler.gateway.link import Link

Tell = Callable[[Sequence[Demand]], bool]
"""Tells control; False when it cannot hear."""

VALIDATION = "ValidationError"
RETRY_S = 1
COLD_RETRY_S = 2
LOOK_S = 0.02
"""How soon to look again for an environment that another gateway keeps busy: it does not tell."""
BEHIND_S = 0.1
"""After so long the line's first may go behind another gateway's request."""


@dataclass(frozen=True, slots=True)
class Seats:
    """Where a variant's requests are counted; without a place, by this gateway alone."""

    counts: Counts
    name: str
    row: int | None


class ServerlessPool(Pool["Invocation"]):
    """The environments of one serverless variant, and what waits for them."""

    bounds_itself = True

    def __init__(
        self,
        reroute: Callable[["Invocation"], None],
        endpoint: EndpointRoute,
        variant: VariantRoute,
        counts: Counts,
        tell: Tell,
    ) -> None:
        super().__init__(reroute)
        self.endpoint_id = endpoint.id
        self.route = variant
        self._tell = tell
        self._waking = Waking()
        self._hears = True
        """Whether control could be told when that was last tried."""
        self._cold_ns = 0
        """Since when requests wait for the first environment; 0 while none do."""
        self._passed_over_ns = 0
        """Since when requests wait for environments that other gateways keep busy."""
        self._look: TimerHandle | None = None
        self._counts = counts
        self._seats: Seats | None = None
        """None while nobody has called for a while."""
        self._counters = self.counters = ServerlessCounters()

    def is_of(self, endpoint: EndpointRoute, variant: VariantRoute) -> bool:
        """Whether it is this variant's line still; an endpoint that was made anew has another."""
        return bool(variant.max_concurrency) and self.endpoint_id == endpoint.id

    def follow(self, variant: VariantRoute) -> None:
        """Take over what a new snapshot says, besides the environments."""
        self.route = variant

    # the line

    def acquire(self, *, avoid: Target | None = None) -> "Link | None":
        """Nobody passes by the line: who comes is counted first."""
        del avoid
        return None

    def place(self, invocation: "Invocation", *, avoid: Target | None = None) -> "Link | None":
        """As ``acquire``."""
        del invocation, avoid
        return None

    def enqueue(self, invocation: "Invocation", *, first: bool = False) -> None:
        """Count one that comes, let it wait, and send what can be sent.

        Raises CallerError for what a serverless endpoint does not take, and above MaxConcurrency.
        """
        if not self._disbanded and invocation.seat is not self:
            self._admit(invocation)
        super().enqueue(invocation, first=first)
        if self._disbanded:
            return
        self.pump()
        if invocation in self.waiting and not self.targets:
            self._wake()

    def pump(self) -> None:
        """Send what waits to environments that have nothing to do."""
        while self.waiting:
            link = self._choose()
            if link is None:
                return
            self._passed_over_ns = 0
            if self._cold_ns:
                self._counters.set_up((monotonic_ns() - self._cold_ns) // 1000)
                self._cold_ns = 0
            invocation = next(iter(self.waiting))
            self.leave(invocation)
            forward.send(invocation, link)
        self._passed_over_ns = 0

    def judge(self, now: float, wait_s_max: float) -> None:
        """What waits is bounded by MaxConcurrency, not by the pace."""

    def disband(self) -> None:
        """The variant is gone: what waits is routed again."""
        super().disband()
        if not self._waking.in_flight:
            self._give_up_seats()

    # control

    def demand(self, now: float) -> Demand | None:
        """What control is to hear in this sweep (``now``: monotonic s)."""
        if self._waking.rests(now):
            self._give_up_seats()
            return None
        lost = self._lost(now)
        call = self._waking.due(now, len(self.targets) - lost, self._total())
        return None if call is None else self._demand(call, lost)

    def say_again(self) -> None:
        """Control has begun anew: it is to hear everything again."""
        self._waking.forget()

    def told(self, *, yes: bool) -> None:
        """Whether control could be told what it was to hear."""
        if not yes:
            self._waking.forget()
        self._hears = yes

    def too_late(self, invocation: "Invocation") -> CallerError:
        """What is said of one that waited in vain until its deadline."""
        return super().too_late(invocation) if self.targets else _not_ready(invocation)

    def refuse_unreachable(
        self, read_before_ns: int, refuse: Callable[["Invocation"], None]
    ) -> None:
        """Refuse what waits for an environment that nobody can be asked for.

        A start that was asked for may take as long as the requests have.
        """
        del refuse
        if not self._hears:
            super().refuse_unreachable(
                read_before_ns, lambda invocation: invocation.refuse(_not_ready(invocation))
            )

    # inside

    def _admit(self, invocation: "Invocation") -> None:
        if invocation.size > PAYLOAD_BYTES_MAX:
            raise CallerError(
                VALIDATION,
                "1 validation error detected: Value at 'body' failed to satisfy constraint: "
                f"Member must have length less than or equal to {PAYLOAD_BYTES_MAX}",
            )
        if invocation.session is not None:
            raise CallerError(
                VALIDATION,
                f"Endpoint {invocation.name} is serverless and does not support SessionId.",
            )
        self._check_room(invocation)
        if invocation.seat is not None:  # it waited for the version before this one
            invocation.seat.leave_seat(invocation)
        most, seats = self.route.max_concurrency, self._seats or self._take_seats()
        free = (
            self._waking.in_flight < most
            if seats.row is None
            else seats.counts.admit(seats.row, most)
        )
        if not free:
            raise SheddingError(
                "ThrottlingException",
                f"Rate exceeded: endpoint {invocation.name} has MaxConcurrency {most} "
                "invocations in flight already; try again later.",
                RETRY_S,
            )
        self._waking.began(monotonic())
        self._counters.admitted(self._total(), most, self.route.provisioned)
        invocation.seat = self
        invocation.held += (self._left,)

    def _check_room(self, invocation: "Invocation") -> None:
        """Refuse one that would have to wait where there is no room for that.

        In number MaxConcurrency bounds them, whatever the gateway's limit.
        """
        gateway = invocation.gateway
        if (
            self.waiting_bytes + invocation.size <= gateway.limits.queue_bytes_max
            and gateway.in_flight <= gateway.limits.in_flight_max  # this one is among them
        ):
            return
        if self._free()[0] is None:
            raise SheddingError(
                "ServiceUnavailable",
                f"Endpoint {invocation.name} has more requests than the gateway has room for; try "
                "again later.",
                RETRY_S,
            )

    def leave_seat(self, invocation: "Invocation") -> None:
        """One that was counted here goes to another version's line, and is counted there."""
        invocation.seat = None
        invocation.held = tuple(each for each in invocation.held if each != self._left)
        self._left()

    def _left(self) -> None:
        """One that was counted has ended."""
        self._waking.ended(monotonic())
        if not self._waking.in_flight:
            self._cold_ns = 0
        seats = self._seats
        assert seats is not None, "what has not ended keeps them"
        if seats.row is not None:
            seats.counts.add(seats.row, -1)
        if self._disbanded and not self._waking.in_flight:
            self._give_up_seats()

    def _take_seats(self) -> Seats:
        name = f"serverless {self.endpoint_id} {self.route.name}"
        placed = self._counts.place(name)  # shared with the variant's other versions
        counts = self._counts if placed is None else placed[0]
        self._seats = Seats(counts, name, None if placed is None else counts.join(name))
        return self._seats

    def _give_up_seats(self) -> None:
        """Nobody is counted here: the page has room for others."""
        if self._seats is not None:
            if self._seats.row is not None:
                self._seats.counts.let_go(self._seats.name)
            self._seats = None

    def _total(self) -> int:
        seats = self._seats
        if seats is None or seats.row is None:
            return self._waking.in_flight
        return seats.counts.total(seats.row)

    def _lost(self, now: float) -> int:
        """How many environments compute for callers who have left: no room for who waits.

        0 while nobody has waited for long: most such requests end before another one has started.
        """
        first = next(iter(self.waiting), None)
        if first is None or now - first.started_ns / 1e9 < PATIENCE_S:
            return 0
        targets, seats = self.targets, self._seats
        lost = sum(target.outstanding > 0 and not _is_awaited(target) for target in targets)
        if seats is None or seats.row is None or seats.counts is not self._counts:
            return lost
        awaited = self._total() - len(self.waiting)  # at most: others have lines, too
        sent = sum(target.load() for target in targets)
        return max(lost, min(sent - awaited, len(targets)))

    def _choose(self) -> "Link | None":
        """The environment for the line's first; None while there is none.

        It is not put behind another gateway's request at once: another may be free before.
        """
        idle, others = self._free()
        if idle is not None or not others:
            return idle
        now_ns = monotonic_ns()
        since_ns = self._passed_over_ns = self._passed_over_ns or now_ns
        if now_ns - since_ns >= BEHIND_S * 1e9:
            fit = [link for link in others if _moves_on(link, since_ns)]
            if fit:
                return min(fit, key=lambda link: link.target.load())
        if self._look is None:
            loop = next(iter(self.waiting)).gateway.loop
            self._look = loop.call_later(LOOK_S, self._look_again)
        return None

    def _look_again(self) -> None:
        self._look = None
        self.pump()

    def _free(self) -> "tuple[Link | None, list[Link]]":
        """An environment that has nothing to do; else those that only others keep busy."""
        others = []
        for target in self.targets:
            for link in target.links:
                if link is None or link.unanswered or not link.available():
                    continue
                if not target.load():
                    return link, []
                others.append(link)
        return None, others

    def _wake(self) -> None:
        """Have an environment started: said once, and again by the sweep."""
        if not self._cold_ns:
            self._cold_ns = monotonic_ns()
        call = self._waking.at_once(monotonic())
        if call is not None:
            self.told(yes=self._tell((self._demand(call),)))

    def _demand(self, call: Call, lost: int = 0) -> Demand:
        """``lost``: environments to be made up for, as far as MaxConcurrency allows."""
        count = call.environments and min(call.environments + lost, self.route.max_concurrency)
        return Demand(self.endpoint_id, self.route.name, count, call.idle_s)


def _is_awaited(target: Target) -> bool:
    """Whether anybody still waits for an answer of it."""
    return any(link is not None and any(link.inflight.values()) for link in target.links)


def _moves_on(link: "Link", since_ns: int) -> bool:
    """Whether it is worth waiting behind what others sent there.

    Not behind what it has computed all the while. It may have nothing to do at all: what a stopped
    gateway counted stays. Nor would the line be fair to who never finds it idle.
    """
    slot = link.target.read_page(link.slot)
    return slot is None or not 0 < slot[2] <= since_ns


def _not_ready(invocation: "Invocation") -> SheddingError:
    return SheddingError(
        "ModelNotReadyException",
        f"Endpoint {invocation.name} is still provisioning: no environment of its model has "
        "started yet. Try again; if it stays so, see VariantStatus in DescribeEndpoint and the log "
        f"group {endpoint_log_group(invocation.name)}.",
        COLD_RETRY_S,
    )
