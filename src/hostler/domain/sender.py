"""Who sent a request, as a gateway tells the process behind it.

Invariant: the header is the gateway's own. What a client calls by this name is dropped, and control
and S3 listen on sockets that only Hostler's own user can open; without the header nothing is known.
"""

from dataclasses import dataclass

HEADER = "x-hostler-sender"
_PLAIN = "-"
_UNKNOWN = "?"


@dataclass(frozen=True, slots=True)
class Sender:
    """The other end of a client's connection."""

    address: str | None = None
    """Its IP address; None where it is not known."""
    secured: bool | None = None
    """Whether the connection is TLS; None where that is not known."""
    tls: str | None = None
    """The version of TLS, e.g. ``1.3``."""


NOBODY = Sender()
"""Of whom nothing is known."""


def of_connection(peer: object, tls: str | None, *, secured: bool) -> Sender:
    """The sender of a connection, by asyncio's ``peername`` and OpenSSL's name of the version."""
    address = str(peer[0]) if isinstance(peer, tuple) and peer else None
    return Sender(address, secured, None if tls is None else tls.removeprefix("TLSv"))


def written(sender: Sender) -> str:
    """The header's value: the address, then ``-`` for plain HTTP or TLS's version."""
    transport = _PLAIN if sender.secured is False else sender.tls or _UNKNOWN
    return f"{sender.address or _UNKNOWN} {transport}"


def read(value: str | None) -> Sender:
    """The inverse of ``written``; what is no such value tells nothing."""
    address, space, transport = (value or "").partition(" ")
    if not space or not address or not transport:
        return NOBODY
    known = None if address == _UNKNOWN else address
    if transport == _PLAIN:
        return Sender(known, secured=False)
    if transport == _UNKNOWN:
        return Sender(known)
    return Sender(known, secured=True, tls=transport)
