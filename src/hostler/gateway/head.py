"""A request's head: its parsed form, and what RFC 9112 asks of it beyond the parser's checks.

Most heads differ from one before them in a few values only, so what follows from the names alone is
kept as a ``Shape``, and the places that were found well-formed are remembered (both bounded).

Invariant: a head that passes ``problem`` has one meaning only: one Host, one place, one framing;
and its Host is a name that we answer under.
"""

import re
from collections.abc import Collection
from functools import cached_property

from hostler.aws.sigv4 import order_of
from hostler.domain import hosts
from hostler.domain.sender import HEADER as SENDER
from hostler.gateway import features
from hostler.gateway.limits import Limits

RawHeaders = list[tuple[bytes, bytes]]

SHAPES_MAX = 1024
SOUND_MAX = 4096
SOUND_LENGTH_MAX = 1024

_HOST = re.compile(
    r"(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::\d*)?", re.ASCII
)
"""uri-host [ ":" port ] (RFC 9112 section 3.2), but for IPvFuture."""


class Shape:
    """What the lower-case names of a head, in order, say of it."""

    __slots__ = ("_positions", "asked", "host", "is_plain", "names", "order")

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.order = order_of(names)
        self._positions = {name: position for position, name in enumerate(names)}
        self.asked = features.ask(self._positions)
        self.host = self.at("host")
        self.is_plain = (
            len(self._positions) == len(names)
            and "host" in self._positions
            and "content-length" in self._positions
            and self._positions.keys().isdisjoint(_SPECIAL)
        )
        """One of each name, a host, a length, and nothing that changes framing or connection."""

    def at(self, name: str) -> int:
        """A header's position (the last of duplicates); -1 without one."""
        return self._positions.get(name, -1)


_SPECIAL = frozenset(
    {
        "connection",
        "expect",
        "keep-alive",
        "proxy-connection",  # to llhttp the same as "connection"
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)

_shapes: dict[tuple[str, ...], Shape] = {}


def shape_of(names: tuple[str, ...]) -> Shape:
    """The shape of lower-case names."""
    shape = _shapes.get(names)
    if shape is None:
        while len(_shapes) >= SHAPES_MAX:
            del _shapes[next(iter(_shapes))]
        shape = _shapes[names] = Shape(names)
    return shape


class Head:
    """One request's head, as text (latin-1)."""

    def __init__(
        self, method: str, version: str, target: str, shape: Shape, values: list[str]
    ) -> None:
        self.method = method
        self.version = version
        """``1.1`` or ``1.0``."""
        self.target = target
        """Path and query as received, without scheme and authority."""
        self.shape = shape
        self.values = values
        """In the order of the shape's names."""

    raw: RawHeaders
    """Names and values as received, but for the Host of an absolute target; only where httptools
    read the head."""

    @cached_property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Lower-case names with their values, in order."""
        return tuple(zip(self.shape.names, self.values, strict=True))

    def get(self, name: str) -> str | None:
        """A header's value (the last of duplicates)."""
        position = self.shape.at(name)
        return self.values[position] if position >= 0 else None

    def has_body(self) -> bool:
        """Whether the framing announces one."""
        return self.shape.at("transfer-encoding") >= 0 or (self.get("content-length") or "0") != "0"

    def expects_continue(self) -> bool:
        """Whether the body comes once it is asked for (RFC 9110 §10.1.1: not in HTTP/1.0)."""
        return self.shape.at("expect") >= 0 and self.version != "1.0"


def parse(method: bytes, version: str, target: bytes, raw: RawHeaders) -> Head:
    """The head that httptools read."""
    names = tuple([name.decode("latin-1").lower() for name, _ in raw])
    values = [value.decode("latin-1") for _, value in raw]
    place = target.decode("latin-1")
    if not place.startswith("/"):
        authority, place = _origin_form(place)
        if authority and "host" in names:
            # RFC 9112 §3.2.2: what a Host header says beside an absolute target is ignored.
            at = names.index("host")
            values[at] = authority
            raw = [*raw[:at], (raw[at][0], authority.encode("latin-1")), *raw[at + 1 :]]
    head = Head(method.decode("latin-1"), version, place, shape_of(names), values)
    head.raw = raw
    return head


def _origin_form(target: str) -> tuple[str, str]:
    """A target's authority, if it has one, and the rest (RFC 9112 §3.2.2: servers accept both).

    What is no absolute form of HTTP's own, as a URI without a host is none, stays as it is.
    """
    scheme, mark, rest = target.partition("://")
    if not mark or scheme.lower() not in {"http", "https"} or rest[:1] in {"", "/", "?", ":"}:
        return "", target
    authority_end = min((rest.find(end) for end in "/?" if end in rest), default=len(rest))
    authority, path = rest[:authority_end], rest[authority_end:]
    return authority, path if path.startswith("/") else f"/{path}"


class Places:
    """Where requests may be meant for: the hosts that are ours, and what was found sound."""

    def __init__(self, own: Collection[str] = ()) -> None:
        self.own = frozenset(own)
        """Names beside this machine's and AWS's."""
        self.sound: set[tuple[str, str]] = set()
        """Targets and hosts that ``_misplaced`` found nothing wrong with."""


def problem(head: Head, limits: Limits, places: Places) -> tuple[int, str] | None:
    """The status and text with which this head is refused, or None."""
    shape = head.shape
    if len(shape.names) > limits.headers_max:
        return 431, f"More than {limits.headers_max} headers."
    if not shape.is_plain or head.version != "1.1":
        found = _unservable(head)
        if found is not None:
            return found
    place = head.target, head.values[shape.host] if shape.host >= 0 else ""
    return None if place in places.sound else _misplaced(head, *place, places)


def _unservable(head: Head) -> tuple[int, str] | None:
    """What is wrong with the version, the framing, the number of hosts or the expectation."""
    shape, version = head.shape, head.version
    if version == "1.1":
        if shape.host < 0:
            return 400, "A Host header is required (RFC 9112 section 3.2)."
    elif version != "1.0":
        return 505, f"HTTP/{version} is not supported."
    if shape.names.count("host") > 1:
        return 400, "More than one Host header."
    if shape.at("transfer-encoding") >= 0:
        if version == "1.0":
            return 400, "Transfer-Encoding is not part of HTTP/1.0."
        said = ",".join(value for name, value in head.pairs if name == "transfer-encoding")
        codings = [coding for each in said.split(",") if (coding := each.strip(" \t").lower())]
        if codings != ["chunked"]:
            return 501, "Of transfer codings, only chunked is supported."
    if head.expects_continue():
        expected = [value for name, value in head.pairs if name == "expect"]
        if any(each.strip(" \t").lower() != "100-continue" for each in expected):
            return 417, "Nothing but 100-continue may be expected."
    return None


def _misplaced(head: Head, target: str, host: str, places: Places) -> tuple[int, str] | None:
    """What is wrong with the target or the host (RFC 9112 section 3.2, RFC 9110 section 7.4)."""
    if _HOST.fullmatch(host.strip(" \t")) is None:
        return 400, "The host is malformed."
    if head.method == "CONNECT":  # its own form, and no path: its handler judges it
        return (400, "CONNECT has no body.") if head.has_body() else None
    if target != "*" and (target[:1] != "/" or "#" in target):
        return 400, "The request's target is neither a path nor an absolute http URL."
    if target == "*" and head.method != "OPTIONS":
        return 400, "Only OPTIONS asks for *."
    if host.strip(" \t"):  # without one nobody's page asks
        refusal = hosts.refusal(places.own, host, aws=True)
        if refusal is not None:
            return 421, refusal
    if target != "*" and len(target) + len(host) <= SOUND_LENGTH_MAX:
        if len(places.sound) >= SOUND_MAX:
            places.sound.clear()
        places.sound.add((target, host))
    return None


def size(target: bytes, raw: RawHeaders) -> int:
    """A head's length on the wire, nearly (the request line's method and version aside)."""
    return len(target) + sum(len(name) + len(value) + 4 for name, value in raw)


_OURS = frozenset({SENDER})
_UPGRADING = frozenset({"connection", "upgrade", "http2-settings"})


def passed_on(head: Head, sender: str) -> bytes:
    """The head as it goes to control or S3: as it came, but for what RFC 9110 has us ignore.

    That is an upgrade, which is never taken up (section 7.8), and what HTTP/1.0 expects (10.1.1).
    The body is framed anew, and so is chunked in no other spelling. ``sender`` is told with it.
    """
    ignored = _OURS
    if head.shape.at("upgrade") >= 0:
        ignored |= _UPGRADING
    if head.version == "1.0":
        ignored |= {"expect"}
    line = f"{head.method} {head.target} HTTP/{head.version}\r\n".encode("latin-1")
    lines = [
        b"%b: %b\r\n" % (sent, b"chunked" if name == "transfer-encoding" else value)
        for name, (sent, value) in zip(head.shape.names, head.raw, strict=True)
        if name not in ignored
    ]
    told = f"{SENDER}: {sender}\r\n".encode("latin-1")
    return b"%b%b%b\r\n" % (line, b"".join(lines), told)
