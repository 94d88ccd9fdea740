"""STS: who the caller is, and temporary credentials.

Invariant: nothing is written: what was given out is known by its token alone (ADR 30).
"""

from hostler.api.registry import ServiceTable, table
from hostler.api.sts import assume_role, caller_identity, session_token

TABLE: ServiceTable = table(
    "sts",
    (
        caller_identity.OPERATION,
        assume_role.OPERATION,
        session_token.OPERATION,
    ),
)
