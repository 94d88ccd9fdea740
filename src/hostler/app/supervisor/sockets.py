"""The public listening sockets: bound once, inherited by gateways, fetched back from them.

Invariant: a listening socket is never closed while it may hold accepted-by-the-kernel connections;
a gateway that is replaced leaves it open here, and a supervisor that died leaves it open in its
gateways, which hand it to the next supervisor over ``run/gateway-N.sock`` (SCM_RIGHTS).
"""

import contextlib
import errno
import json
import socket
from pathlib import Path

from hostler.app.supervisor import holders
from hostler.domain.layout import Layout

BACKLOG = 4096
HANDOVER_VERSION_MAX = 1
"""The latest form of a gateway's message (``gateway.handover``) that is understood here."""
_HANDOVER_TIMEOUT_S = 2.0
_LOOPBACK, _UNPACED = "127.", b"reno"
"""Nothing is crowded on the way to the machine itself, where BBR, if it is the system's default,
would pace the answers by timers. Every kernel has Reno, and lets anybody choose it."""


class PortTakenError(Exception):
    """The port cannot be had; the text says why, and what would do."""


def bind(host: str, port: int, count: int) -> list[socket.socket]:
    """``count`` sockets that share one port (SO_REUSEPORT): the kernel spreads connections.

    Raises:
        PortTakenError: someone else listens there, even someone who shares the port as well.
    """
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bind(probe, host, port)
    return [_listen(host, port) for _ in range(count)]


def take_over(layout: Layout, host: str, port: int, count: int) -> list[socket.socket]:
    """The sockets for each slot, fetched from living gateways where they have the same address.

    A slot without one is bound afresh beside the others.
    """
    inherited = {
        slot: sock for slot in range(count) if (sock := fetch(layout.gateway_socket(slot)))
    }
    matching = {
        slot: sock for slot, sock in inherited.items() if sock.getsockname() == (host, port)
    }
    for slot in inherited.keys() - matching.keys():
        inherited[slot].close()
    if not matching:
        return bind(host, port, count)
    return [matching.get(slot) or _listen(host, port) for slot in range(count)]


def fetch(path: Path) -> socket.socket | None:
    """Ask a gateway for its listening socket; None when nobody answers there.

    Raises:
        PortTakenError: the gateway is a newer Hostler's, and means something else than we know.
    """
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as connection:
        connection.settimeout(_HANDOVER_TIMEOUT_S)
        try:
            connection.connect(str(path))
            message, descriptors, _flags, _address = socket.recv_fds(connection, 4096, 1)
        except OSError:
            return None
    if not descriptors:
        return None
    listener = socket.socket(fileno=descriptors[0])
    try:
        _understand(message)
    except PortTakenError:
        listener.close()
        raise
    return listener


def _understand(message: bytes) -> None:
    said = json.loads(message)
    if said["version"] > HANDOVER_VERSION_MAX:
        raise PortTakenError(
            f"a gateway of a newer Hostler (process {said.get('pid')}) serves on this data "
            f"directory, and hands its port over by version {said['version']}, where this Hostler "
            f"knows {HANDOVER_VERSION_MAX}: run the newer Hostler's `hostler down` first"
        )


def _listen(host: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    _bind(sock, host, port)
    if sock.getsockname()[0].startswith(_LOOPBACK):
        with contextlib.suppress(OSError):  # a sandbox's own network stack may not know it
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, _UNPACED)
    sock.listen(BACKLOG)
    sock.setblocking(False)
    return sock


def _bind(sock: socket.socket, host: str, port: int) -> None:
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        match error.errno:
            case errno.EADDRINUSE:
                holder = holders.of(port) or "another program: stop it"
                reason = f"port {port} is taken by {holder}"
            case errno.EACCES:
                reason = f"not allowed to listen on port {port}: run as root"
            case _:
                reason = f"cannot listen on {host}:{port} ({error.strerror}): mend it"
        raise PortTakenError(f"{reason}, or choose another with --port") from None
