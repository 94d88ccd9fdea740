"""CONNECT: TLS in AWS's name for AWS's hosts, a tunnel for others when the token is shown.

Invariant: nothing is let through to AWS: what is meant for its hosts is answered here, in the same
way as on the plain port, and verified like it. Other hosts are reached only by who knows the token.
"""

import asyncio
import base64
import hmac
from collections.abc import Coroutine
from typing import TYPE_CHECKING

from hostler.domain import hosts
from hostler.gateway import answers
from hostler.gateway.issuing import AuthorityError
from hostler.gateway.tls import Early
from hostler.gateway.tunnel import Pipe

if TYPE_CHECKING:
    from hostler.gateway.gateway import Gateway
    from hostler.gateway.head import Head
    from hostler.gateway.protocol import HttpConnection

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
TLS_PORT = 443
USER = "hostler"


class Connect:
    """One CONNECT request; ends with its connection in other hands, or with a refusal."""

    keep_alive = False
    answering = False
    size = 0

    def __init__(self, gateway: "Gateway", connection: "HttpConnection", head: "Head") -> None:
        self._gateway = gateway
        self._connection = connection
        self._head = head
        self._task: asyncio.Task[None] | None = None

    # the protocol's Handler

    def begin(self) -> None:
        host, port = _authority(self._head.target)
        if not host or not port:
            self._refuse(400, "CONNECT needs host:port.")
        elif hosts.is_aws(host):
            if port == TLS_PORT:
                self._go(self._intercept(host))
            else:
                self._refuse(403, f"AWS's hosts are answered on port {TLS_PORT} alone.")
        elif not self._has_token():
            self._refuse(407, "This proxy is for AWS's hosts; others need its token.")
        elif len(self._gateway.tunnels) >= self._gateway.limits.tunnels_max:
            self._refuse(503, "Too many tunnels.")
        else:
            self._go(self._tunnel(host, port))

    def body(self, piece: bytes) -> None:
        """A CONNECT has none."""

    def complete(self) -> None:
        """Nothing to do: it begins with its turn."""

    def gone(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def writable(self, *, yes: bool) -> None:
        """Nothing is sent that a client could be slow to take."""

    # inside

    def _go(self, way: Coroutine[None, None, None]) -> None:
        self._task = self._gateway.loop.create_task(way)
        self._task.add_done_callback(self._went)

    def _went(self, task: asyncio.Task[None]) -> None:
        """Nobody awaits the task: a defect of ours in it ends this client's connection."""
        if not task.cancelled() and (defect := task.exception()) is not None:
            self._gateway.defect("while connecting", defect)
            self._connection.abort()

    async def _intercept(self, host: str) -> None:
        gateway = self._gateway
        try:
            context = await gateway.certificates.context(host)
        except AuthorityError as error:
            self._refuse(502, f"Hostler cannot answer for {host}: {error}.")
            return
        if gateway.handshakes >= gateway.limits.handshakes_max:
            self._refuse(503, "Too many connections that have not shaken hands.")
            return
        transport = self._connection.release()
        transport.pause_reading()  # what comes now is for TLS
        transport.write(ESTABLISHED)
        early = Early()
        transport.set_protocol(early)
        gateway.handshakes += 1
        try:
            secured = await gateway.loop.start_tls(
                transport,
                early,
                context,
                server_side=True,
                ssl_handshake_timeout=gateway.limits.header_deadline_s,
                ssl_shutdown_timeout=gateway.limits.tls_shutdown_s,
            )
        except (OSError, asyncio.CancelledError):  # it does not trust us, or has gone
            transport.abort()
            return
        finally:
            gateway.handshakes -= 1
        if secured is not None:
            early.pass_on(gateway, secured)

    async def _tunnel(self, host: str, port: int) -> None:
        gateway = self._gateway
        there = Pipe(gateway)
        gateway.tunnels.add(there)
        try:
            async with asyncio.timeout(gateway.limits.tunnel_connect_s):
                await gateway.loop.create_connection(lambda: there, host, port)
        except (OSError, TimeoutError) as error:
            gateway.tunnels.discard(there)
            self._refuse(502, f"{host}:{port} cannot be reached: {error or 'it does not answer'}.")
            return
        except asyncio.CancelledError:  # the client has gone
            there.abort()
            raise
        here = Pipe(gateway)
        transport = self._connection.release()
        transport.set_protocol(here)
        here.connection_made(transport)
        transport.write(ESTABLISHED)  # before what the host may have said already
        there.join(here)

    def _has_token(self) -> bool:
        token = self._gateway.proxy_token()
        given = (self._head.get("proxy-authorization") or "").partition(" ")
        if not token or given[0].lower() != "basic":
            return False
        wanted = base64.b64encode(f"{USER}:{token}".encode())
        return hmac.compare_digest(given[2].strip().encode("latin-1"), wanted)

    def _refuse(self, status: int, reason: str) -> None:
        self._connection.transport.write(answers.refusal(status, reason, self._gateway.date))
        self._connection.finished(self)


def _authority(target: str) -> tuple[str, int]:
    """Host and port of a CONNECT's target; nothing and 0 where it is malformed."""
    host, _, port = target.rpartition(":")
    if not port.isascii() or not port.isdigit() or len(port) > 5 or not 0 < int(port) < 65_536:
        return "", 0
    host = host.lower()
    if host.startswith("[") and host.endswith("]"):
        return host[1:-1], int(port)
    host = host.removesuffix(".")
    return (host, int(port)) if hosts.is_name(host) else ("", 0)
