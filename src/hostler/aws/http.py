"""A request and a response as the protocol layer sees them: raw, complete, without a server."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class HttpRequest:
    """One received request. Header names are lower-case, in order, duplicates kept."""

    method: str
    raw_target: str
    """Path and query exactly as received (still percent-encoded)."""
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    @cached_property
    def header(self) -> Mapping[str, str]:
        """Headers by name; duplicates joined with ``,`` in order."""
        joined: dict[str, str] = {}
        for name, value in self.headers:
            joined[name] = f"{joined[name]},{value}" if name in joined else value
        return joined

    @cached_property
    def raw_path(self) -> str:
        return self.raw_target.partition("?")[0]

    @cached_property
    def raw_query(self) -> str:
        return self.raw_target.partition("?")[2]


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """One response to send."""

    status: int
    headers: tuple[tuple[str, str], ...] = field(default=())
    body: bytes = b""
