"""What a session token says: for whom temporary credentials were made, until when, within what.

Invariant: it says nothing that the identity itself may change; policies, boundary and tags of the
role or user are looked up when the credentials are used.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hostler.domain.snapshot import Policy


@dataclass(frozen=True, slots=True)
class Grant:
    """Temporary credentials; times in epoch seconds."""

    access_key_id: str
    secret: str = field(repr=False)
    identity: str
    """The unique id of the role, the user, or the root (its account)."""
    issued: float
    expires: float
    session_name: str = ""
    """RoleSessionName; empty where a user or a root acts as itself."""
    policies: tuple[Policy, ...] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    transitive_tags: tuple[str, ...] = ()
    source_identity: str = ""
