"""TLS on the gateway's own port: whose certificate it has, and who is let in.

Invariant: a connection that has shaken hands is served as on the plain port, by the same protocol.
Until then it counts as a connection, and has as long as a request's head.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hostler.domain.layout import Layout
from hostler.gateway import certificates, issuing
from hostler.gateway.limits import Limits
from hostler.gateway.progress import Counters, counters
from hostler.modelserver import whole

if TYPE_CHECKING:
    from hostler.gateway.gateway import Gateway

LIFE = timedelta(days=397)
"""Of a certificate for the port: what strict clients accept at most."""
RENEW_S = 43_200.0
ACCEPTED_AT_ONCE = 64
ACCEPT_AGAIN_S = 0.1

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Listening:
    """How the port is listened on.

    Args:
        hosts: Names that Hostler is asked under, beside this machine's and AWS's.
        names: Of this machine, for a certificate of Hostler's own; empty for none.
        certificate: The path of another one, and of its ``key``.
    """

    hosts: Sequence[str] = ()
    names: Sequence[str] = ()
    certificate: str = ""
    key: str = ""

    @property
    def has_tls(self) -> bool:
        return bool(self.names or self.certificate)


class Identity:
    """The certificate of the port, in a context whose next handshakes have it as it is now."""

    def __init__(self, layout: Layout, listening: Listening) -> None:
        """Raises OSError, AuthorityError: there is none that can be used."""
        self._layout = layout
        self._listening = listening
        self.context = certificates.new_context()
        self._load()

    def renew(self) -> None:
        """Read or make it again; the old one stays where the new one cannot be used."""
        try:
            self._load()
        except (OSError, issuing.AuthorityError) as error:
            log.warning("the certificate stays as it was: %s", error)

    def _load(self) -> None:
        given = self._listening
        if given.certificate:
            certificates.new_context().load_cert_chain(given.certificate, given.key)  # a trial
            self.context.load_cert_chain(given.certificate, given.key)
            return
        authority, key = _authority(self._layout, given.names)
        pem = issuing.signed(authority, key, given.names, datetime.now(UTC) + LIFE)
        certificates.load(self.context, pem, self._layout.run)


def _authority(layout: Layout, names: Sequence[str]) -> tuple[bytes, bytes]:
    """The one that vouches for this machine's names; another where they have changed."""
    certificate, key = layout.server_authority_certificate, layout.server_authority_key
    layout.authority.mkdir(mode=0o700, exist_ok=True)
    with issuing.alone(layout.authority):
        if not certificate.exists() or not issuing.signs_for(certificate.read_bytes(), names):
            made, secret = issuing.authority("server", names)
            whole.write(key, secret)
            whole.write(certificate, made, mode=0o644)
        return certificate.read_bytes(), key.read_bytes()


class Listener:
    """Accepts connections and shakes hands; ``close`` ends the accepting alone."""

    def __init__(
        self, gateway: "Gateway", listener: socket.socket, context: ssl.SSLContext
    ) -> None:
        self._gateway = gateway
        self._loop = gateway.loop
        self._socket = listener
        self._context = context
        self._shaking: set[asyncio.Task[None]] = set()
        self._again: asyncio.TimerHandle | None = None
        listener.setblocking(False)
        self._loop.add_reader(listener, self._accept)

    def close(self) -> None:
        """Accept nobody any more; handshakes go on."""
        if self._again is not None:
            self._again.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _accept(self) -> None:
        limits = self._gateway.limits
        most = limits.connections_max + limits.refused_connections_max
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                accepted, _address = self._socket.accept()
            except (BlockingIOError, ConnectionError):
                return
            except OSError as error:  # no descriptor, no memory: others wait for a moment
                log.warning("nobody can be accepted for now: %s", error)
                self._loop.remove_reader(self._socket)
                self._again = self._loop.call_later(
                    ACCEPT_AGAIN_S, self._loop.add_reader, self._socket, self._accept
                )
                return
            if len(self._gateway.connections) + self._gateway.handshakes >= most:
                accepted.close()
                continue
            task = self._loop.create_task(self._shake_hands(accepted))
            self._shaking.add(task)
            task.add_done_callback(self._shaken)

    async def _shake_hands(self, accepted: socket.socket) -> None:
        gateway = self._gateway
        gateway.handshakes += 1
        accepted.setblocking(False)
        early = Early()
        try:
            transport, _ = await gateway.loop.connect_accepted_socket(
                lambda: early,
                accepted,
                ssl=self._context,
                ssl_handshake_timeout=gateway.limits.header_deadline_s,
                ssl_shutdown_timeout=gateway.limits.tls_shutdown_s,
            )
        except OSError:  # no TLS, it does not trust us, or has gone
            accepted.close()
            return
        finally:
            gateway.handshakes -= 1
        early.pass_on(gateway, transport)

    def _shaken(self, task: asyncio.Task[None]) -> None:
        self._shaking.discard(task)
        if not task.cancelled() and (defect := task.exception()) is not None:
            self._gateway.defect("while shaking hands", defect)


class Early(asyncio.Protocol):
    """Holds what arrives between the end of the handshake and the moment we hear of it."""

    def __init__(self) -> None:
        self._data: list[bytes] = []
        self._lost = False

    def data_received(self, data: bytes) -> None:
        self._data.append(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._lost = True

    def pass_on(self, gateway: "Gateway", transport: asyncio.Transport) -> None:
        """Let a connection of the gateway's serve the transport from now on."""
        connection = gateway.connect()
        transport.set_protocol(connection)
        connection.connection_made(transport)
        if self._lost:
            connection.connection_lost(None)
            return
        for data in self._data:
            connection.data_received(data)


class Sent:
    """How far a client over TLS has come with its answers, as the kernel counts.

    Its transport hands all that is written on at once, and then tells of nothing unsent.
    """

    __slots__ = ("_acknowledged", "_judged", "_seen")

    def __init__(self) -> None:
        self._judged = 0.0
        """When it was judged last (monotonic s); and what it had acknowledged then."""
        self._acknowledged = 0
        self._seen = 0
        """What it had acknowledged at the last look."""

    def is_taken(
        self, transport: asyncio.Transport, since: float, now: float, limits: Limits
    ) -> bool:
        """Whether there is something to take, and it is taken.

        ``since`` is when this was asked last, if that was about the same answers (monotonic s).
        """
        found = _counters(transport)
        if found is None:
            return False
        moved = found.acknowledged - self._acknowledged
        late = self._judged == since and moved < limits.answer_rate_min * (now - since)
        self._judged, self._acknowledged = now, found.acknowledged
        return found.untaken > 0 and not late

    def is_over(self, transport: asyncio.Transport) -> bool:
        """Whether all has been taken; to be asked again and again."""
        found = _counters(transport)
        if found is None:
            return False
        # Twice the same: else the kernel's queue may be empty for a moment only.
        before, self._seen = self._seen, found.acknowledged
        return found.untaken == 0 and before == found.acknowledged


def _counters(transport: asyncio.Transport) -> Counters | None:
    """Of a connection with TLS."""
    connection = transport.get_extra_info("socket")
    if connection is None or transport.get_extra_info("sslcontext") is None:
        return None
    try:
        return counters(connection)
    except OSError:  # it has just ended
        return None
