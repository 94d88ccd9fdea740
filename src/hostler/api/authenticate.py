"""Who calls: ``aws.authenticate`` for credentials and principals as the control plane keeps them.

Invariant: as there.
"""

from collections.abc import Callable
from typing import TypeAlias

from hostler.aws.authenticate import authenticate
from hostler.aws.sigv4 import Presented
from hostler.domain.snapshot import Known, Principal

Lookup: TypeAlias = Callable[[str], Known | None]


def verify(
    presented: Presented, known: Known | None, body_sha256: str, wall_now: float
) -> Principal:
    """The principal behind a request, by the key that was found, or was not (None).

    Raises:
        CallerError: As ``aws.authenticate`` does.
    """
    pair = None if known is None else (known[0].secret, known[1])
    return authenticate(presented, pair, body_sha256, wall_now)
