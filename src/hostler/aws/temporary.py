"""Temporary credentials as a process of the data plane knows them: by the tokens that come.

Invariant: it lives as long as its snapshot, so that a role that was deleted or changed is so for
its sessions too; what it remembers is bounded, and found by the whole token.
"""

from collections.abc import Iterable

from hostler.aws import tokens
from hostler.domain.snapshot import Known, Principal
from hostler.iam import sessions

SESSIONS_MAX = 1_024


class Temporary:
    """Finds who acts with a session token.

    Args:
        key: What tokens are sealed with; empty where there are none.
        principals: Every identity that may have sessions.
    """

    def __init__(self, key: bytes = b"", principals: Iterable[Principal] = ()) -> None:
        self._key = key
        self._identities = {principal.unique_id: principal for principal in principals}
        self._known: dict[str, Known] = {}

    def find(self, access_key_id: str, token: str) -> Known | None:
        """The credentials of a token, and whose they are; None where it is not this key's."""
        known = self._known.get(token)
        if known is None:
            grant = tokens.opened(self._key, token)
            identity = None if grant is None else self._identities.get(grant.identity)
            if grant is None or identity is None:
                return None
            known = sessions.known(grant, identity)
            while len(self._known) >= SESSIONS_MAX:
                del self._known[next(iter(self._known))]
            self._known[token] = known
        return known if known[0].access_key_id == access_key_id else None
