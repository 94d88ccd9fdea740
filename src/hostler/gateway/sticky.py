"""The same value of a header to the same variant: weighted rendezvous hashing.

Invariant: values are divided as the weights say, and when a weight changes, values move to or from
the variant whose weight it is, and no others. Nothing is kept of any value, so every gateway, and a
gateway started anew, decides alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from math import inf, log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hostler.gateway.head import Head

_RANGE = 2.0**64


@dataclass(frozen=True, slots=True)
class Sticky:
    """An endpoint's: the header (lower case), and the weights by variant."""

    header: str
    weights: Mapping[str, float]

    def chosen(self, head: "Head") -> str | None:
        """The variant of a request's value; None where it has none and any will do."""
        value = head.get(self.header)
        return choose(value, self.weights) if value else None


def choose(value: str, weights: Mapping[str, float]) -> str:
    """The variant (the first of them where none has a weight).

    Each draws an exponentially distributed time at the rate of its weight, always the same one for
    the same value, and the earliest wins: so a changed weight changes one draw alone.
    """
    best, earliest = None, inf
    for name, weight in weights.items():
        if weight > 0:
            digest = blake2b(f"{name}\0{value}".encode(), digest_size=8).digest()
            drawn = -log((int.from_bytes(digest) + 1) / (_RANGE + 1)) / weight
            # A weight may be so small that its draw is infinite; the name decides between two such.
            if best is None or (drawn, name) < (earliest, best):
                best, earliest = name, drawn
    return next(iter(weights)) if best is None else best
