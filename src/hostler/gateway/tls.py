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
        try:
            await gateway.loop.connect_accepted_socket(
                gateway.connect,
                accepted,
                ssl=self._context,
                ssl_handshake_timeout=gateway.limits.header_deadline_s,
            )
        except OSError:  # no TLS, it does not trust us, or has gone
            accepted.close()
        finally:
            gateway.handshakes -= 1

    def _shaken(self, task: asyncio.Task[None]) -> None:
        self._shaking.discard(task)
        if not task.cancelled() and (defect := task.exception()) is not None:
            self._gateway.defect("while shaking hands", defect)
