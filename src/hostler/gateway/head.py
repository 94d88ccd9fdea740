"""A request's head: its parsed form, and what RFC 9112 asks of it beyond the parser's checks.

Most heads differ from one before them in a few values only, so what follows from the names alone is
kept as a ``Shape`` (bounded).

Invariant: a head that passes ``problem`` has one meaning only: one Host, one framing.
"""

from functools import cached_property

from hostler.aws.sigv4 import order_of
from hostler.gateway import features
from hostler.gateway.limits import Limits

RawHeaders = list[tuple[bytes, bytes]]

SHAPES_MAX = 1024


class Shape:
    """What the lower-case names of a head, in order, say of it."""

    __slots__ = ("_positions", "asked", "is_plain", "names", "order")

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.order = order_of(names)
        self._positions = {name: position for position, name in enumerate(names)}
        self.asked = features.ask(self._positions)
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
    {"connection", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
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
    """A target's authority, if it has one, and the rest (RFC 9112 §3.2.2: servers accept both)."""
    scheme, mark, rest = target.partition("://")
    if not mark or scheme.lower() not in {"http", "https"}:
        return "", target
    authority_end = min((rest.find(end) for end in "/?" if end in rest), default=len(rest))
    authority, path = rest[:authority_end], rest[authority_end:]
    return authority, path if path.startswith("/") else f"/{path}"


def problem(head: Head, limits: Limits) -> tuple[int, str] | None:
    """The status and text with which this head is refused, or None."""
    shape, version = head.shape, head.version
    if len(shape.names) > limits.headers_max:
        return 431, f"More than {limits.headers_max} headers."
    if version == "1.1":
        if shape.is_plain:
            return None
        if shape.at("host") < 0:
            return 400, "A Host header is required (RFC 9112 section 3.2)."
    elif version != "1.0":
        return 505, f"HTTP/{version} is not supported."
    if shape.names.count("host") > 1:
        return 400, "More than one Host header."
    coding = head.get("transfer-encoding")
    if coding is not None:
        if version == "1.0":
            return 400, "Transfer-Encoding is not part of HTTP/1.0."
        if coding.lower() != "chunked":
            return 501, "Of transfer codings, only chunked is supported."
    return None


def size(target: bytes, raw: RawHeaders) -> int:
    """A head's length on the wire, nearly (the request line's method and version aside)."""
    return len(target) + sum(len(name) + len(value) + 4 for name, value in raw)
