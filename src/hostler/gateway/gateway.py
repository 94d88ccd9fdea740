"""The gateway's state: what it knows, whom it serves, and the sweep that applies deadlines.

Invariant: what it knows comes from snapshots alone, is replaced whole, and needs nobody to stay in
force.
"""

import asyncio
import logging
import traceback
from collections import Counter
from collections.abc import Collection, Mapping
from time import monotonic, time
from typing import TYPE_CHECKING
from urllib.parse import unquote

from hostler.audit.journal import Journal
from hostler.aws.temporary import Temporary
from hostler.domain.layout import Layout
from hostler.domain.snapshot import Principal, Snapshot
from hostler.domain.uses import Use, Uses
from hostler.gateway import answers, chain, counts, forward
from hostler.gateway.budget import Bodies
from hostler.gateway.certificates import Certificates
from hostler.gateway.comparer import Comparer
from hostler.gateway.dial import Dialer
from hostler.gateway.features import INVOKE, OPERATIONS
from hostler.gateway.fleet import Fleet
from hostler.gateway.handler import Handler
from hostler.gateway.hashing import Hasher
from hostler.gateway.head import Head, Places
from hostler.gateway.intercept import Connect
from hostler.gateway.invocation import Invocation
from hostler.gateway.limits import Limits
from hostler.gateway.mould import Moulds
from hostler.gateway.protocol import HttpConnection
from hostler.gateway.proxy import Relay, Upstreams
from hostler.gateway.record import Recorder
from hostler.gateway.request_ids import RequestIds
from hostler.gateway.route import RouteTable
from hostler.gateway.shadow import Copying
from hostler.gateway.turns import Turns
from hostler.gateway.untaken import Untaken
from hostler.iam.evaluate import PolicyEngine

if TYPE_CHECKING:
    from hostler.gateway.tunnel import Pipe

SWEEP_S = 0.5
LATE_S = 2.0
"""A sweep that comes so late was held up, as a stopped process is: what has come meanwhile is still
unread, so nobody is judged before the next one."""
JUDGED_AT_ONCE = 64
"""Connections whose deadlines are applied in one go: ten thousand that have time take 10 ms, and so
do two hundred that have none left."""
REMEMBERED_MAX = 65_536
DEFECT_COUNTS = frozenset({10**power for power in range(1, 10)})

log = logging.getLogger(__name__)

_AllowedKey = tuple[str, str, str]
KeyInRegion = tuple[str, str]
"""An access key id, and the region of a signature."""


class Gateway:
    """One gateway process's state; make it inside its event loop."""

    _swept = 0.0
    """When the last sweep was due (monotonic s)."""

    def __init__(
        self,
        layout: Layout,
        limits: Limits,
        loop: asyncio.AbstractEventLoop,
        hosts: Collection[str] = (),
    ) -> None:
        self.limits = limits
        self.loop = loop
        self.places = Places(hosts)
        self.date = answers.date_line(time())
        self.recorder = Recorder()
        self.journal = Journal()
        """Of who is refused."""
        self._dialer = Dialer(loop)
        self.counts = counts.shared(layout.gateway_counts)
        self._copying = Copying(limits, Comparer(loop, self.defect), loop.call_soon)
        self.fleet = Fleet(
            limits, self.recorder, self.counts, self._dialer, loop.call_soon, copying=self._copying
        )
        self.hasher = Hasher(loop)
        self.bodies = Bodies(limits)
        self.untaken = Untaken(limits.untaken_bytes_max)
        self.upstreams = Upstreams(layout.control_socket, layout.s3_socket, layout.s3_loans_socket)
        self.routes = RouteTable({})
        self.credentials: dict[str, tuple[str, Principal]] = {}
        """Secret and principal by access key id."""
        self.temporary = Temporary()
        self.used: dict[KeyInRegion, float] = {}
        """When long-term access keys were used since they were told of last (epoch s)."""
        self._uses = Uses()
        self.engine = PolicyEngine()
        self.allowed: set[_AllowedKey] = set()
        """``Principal.known_as``, region and endpoint name of decisions that allowed."""
        self.active: dict[Invocation, None] = {}
        """Admitted and not answered yet; oldest, and so the first to time out, first."""
        self.connections: set[HttpConnection] = set()
        self.certificates = Certificates(layout)
        self.tunnels: set[Pipe] = set()
        self.handshakes = 0
        """Under way, of connections that are in nobody's hands until they have succeeded."""
        self.turns = Turns(loop.call_soon)
        self.relays: set[Relay] = set()
        """Begun and not answered yet."""
        self._proxy_token_file = layout.proxy_token
        self.draining = False
        self.awaiting_upstream = 0
        """Relayed requests that wait for control or S3 to come back."""
        self._defects: Counter[object] = Counter()
        self.account = self.region = ""
        """The installation's."""
        self.generation = 0
        self.epoch = 0
        """Counts the snapshots that were put to use here."""
        self.moulds = Moulds()
        self.invocation_ns = int(limits.invocation_s * 1e9)
        self.request_ids = RequestIds()
        self._sweeping: asyncio.TimerHandle | None = None

    def connect(self) -> HttpConnection:
        """A protocol for a new connection."""
        return HttpConnection(self)

    def accept(self, connection: HttpConnection, head: Head) -> Handler:
        """The handler of a request."""
        if head.method == "POST":
            found = invoked(head.target)
            if found is not None:
                name, operation = found
                invocation = Invocation(self, connection, head, name)
                if operation != INVOKE:
                    invocation.operation = operation
                return invocation
        elif head.method == "CONNECT":
            return Connect(self, connection, head)
        return Relay(self, connection, head)

    def serve_moulded(self, connection: HttpConnection, data: bytes) -> bool:
        """Serve a whole invocation whose head fits a mould; False for one to be parsed."""
        if len(data) > self.limits.body_bytes_max:
            return False
        mould = connection.mould
        claim = mould.fit(data) if mould is not None else None
        if mould is None or claim is None:
            found = self.moulds.find(data)
            if found is None:
                return False
            mould, claim = found
            connection.mould = mould
            connection.moulds_cast -= 1
        invocation = Invocation(self, connection, mould.head, mould.name)
        connection.serves(invocation)
        invocation.start(mould, claim)
        return True

    @property
    def is_needed(self) -> bool:
        """Whether a client is connected."""
        return bool(self.connections or self.tunnels or self.handshakes)

    @property
    def in_flight(self) -> int:
        """Requests that have begun and are not answered."""
        return len(self.active) + len(self.relays)

    @property
    def counted_until(self) -> float:
        """Every call that was admitted before this is counted, however it ended (monotonic s)."""
        oldest = next(iter(self.active), None)
        return monotonic() if oldest is None else oldest.started_ns / 1e9

    def proxy_token(self) -> str:
        """What lets a client tunnel to any host; empty while there is none."""
        try:
            return self._proxy_token_file.read_text().strip()
        except OSError:
            return ""

    def use(self, snapshot: Snapshot) -> None:
        """Put a snapshot to use; what it raises is the subscriber's to log."""
        credentials = {
            key: (credential.secret, principal)
            for key, (credential, principal) in snapshot.access_keys().items()
        }
        self.routes = self.fleet.apply(snapshot)
        self.credentials = credentials
        self.temporary = Temporary(snapshot.session_key, snapshot.principals)
        self.engine = PolicyEngine()
        self.allowed.clear()
        self.generation = snapshot.generation
        self.account, self.region = snapshot.account, snapshot.region
        self.epoch += 1
        self.fleet.settle()

    def uses_due(self) -> Mapping[str, Use]:
        """The last uses of access keys, if they are to be told now."""
        used, self.used = self.used, {}
        for (access_key_id, region), at in used.items():
            self._uses.note(access_key_id, "sagemaker", region, at)
        return self._uses.due()

    def remember_allowed(self, key: _AllowedKey) -> None:
        """Keep a decision until the next snapshot."""
        if len(self.allowed) >= REMEMBERED_MAX:
            self.allowed.clear()
        self.allowed.add(key)

    def defect(self, where: str, error: BaseException) -> None:
        """Log a defect of ours: whole the first time, then counted."""
        line = traceback.extract_tb(error.__traceback__)[-1:]
        seen = (where, type(error), tuple((frame.filename, frame.lineno) for frame in line))
        self._defects[seen] += 1
        if self._defects[seen] == 1:
            log.error("a defect %s", where, exc_info=error)
        elif self._defects[seen] in DEFECT_COUNTS:
            log.error("the defect %s, %r, came %d times", where, error, self._defects[seen])

    # the sweep

    def start_sweeping(self) -> None:
        """Apply deadlines from now on."""
        self._swept = monotonic()
        self._sweeping = self.loop.call_later(SWEEP_S, self._sweep)

    def close(self) -> None:
        """Let go of everything."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        for connection in list(self.connections):
            connection.abort()
        for tunnel in list(self.tunnels):
            tunnel.abort()
        self.fleet.close()
        self.counts.close()
        self._dialer.close()
        self.hasher.close()
        self._copying.close()

    def sweep(self, now: float) -> None:
        """Apply deadlines (``now``: monotonic s)."""
        self.date = answers.date_line(time())
        now_ns = int(now * 1e9)
        for invocation in list(self.active):
            if invocation.deadline_ns > now_ns:
                break
            forward.timed_out(invocation)
        self._judge(list(self.connections), now)
        self.bodies.sweep(now)
        self.untaken.look()
        for relay in list(self.relays):
            relay.expire(now)
        for tunnel in list(self.tunnels):
            tunnel.expire(now)
        self.fleet.sweep(now)

    def _judge(self, connections: list[HttpConnection], now: float) -> None:
        """Apply deadlines to some; to the others after what has arrived meanwhile."""
        for connection in connections[-JUDGED_AT_ONCE:]:
            if connection in self.connections:  # it may have ended meanwhile
                connection.expire(now)
        del connections[-JUDGED_AT_ONCE:]
        if connections:
            self.loop.call_soon(
                chain.attempt, self, "while sweeping", lambda: self._judge(connections, now)
            )

    def _sweep(self) -> None:
        now = monotonic()
        late, self._swept = now - self._swept > LATE_S, now
        self._sweeping = self.loop.call_later(SWEEP_S, self._sweep)
        if not late:
            chain.attempt(self, "while sweeping", lambda: self.sweep(now))


def invoked(target: str) -> tuple[str, str] | None:
    """The endpoint's name and the operation of a SageMaker Runtime path; None for other paths."""
    parts = target.partition("?")[0].split("/")
    if len(parts) != 4 or parts[0] or parts[1] != "endpoints":
        return None
    operation = OPERATIONS.get(parts[3])
    if operation is None:
        return None
    return unquote(parts[2]), operation
