"""What a gateway has in hand, as it tells it in a file of its spool's folder.

Invariant: the file is an object of JSON with these members; who adds or changes one changes
``VERSION``, and a file of another version tells nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

NAME = "gauges.json"
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayGauges:
    """One gateway process, as of when its file was written."""

    v: int
    slot: int
    generation: int
    in_flight: int
    connections: int
    instances: int
    reachable: int
    waiting: Sequence[tuple[str, str, str, str, int]]
    """Account, region, endpoint, variant, and how many invocations are in line."""
