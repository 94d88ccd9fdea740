"""Who calls: ``aws.authenticate`` for credentials and principals as the control plane keeps them.

Invariant: as there.
"""

from collections.abc import Callable
from typing import TypeAlias

from hostler.aws import tokens
from hostler.aws.authenticate import authenticate
from hostler.aws.refusals import Refusal, refuse
from hostler.aws.sigv4 import Presented
from hostler.domain.snapshot import Known, Principal
from hostler.iam import sessions
from hostler.store import identities
from hostler.store.database import Transaction

Lookup: TypeAlias = Callable[[str, str | None], Known | None]
"""By access key id and session token, if there is one."""


def find(tx: Transaction, presented: Presented) -> Known | None:
    """The access key that a request claims, and whose it is; by its session token, if it has one.

    None for a key that is not known or not active, and for a token that is not the key's.
    """
    found = identities.credential(tx, presented.access_key_id)
    if found is not None or presented.session_token is None:
        return found
    grant = tokens.opened(identities.session_key(tx), presented.session_token)
    if grant is None or grant.access_key_id != presented.access_key_id:
        return None
    identity = identities.principal_by_id(tx, grant.identity)
    return None if identity is None else sessions.known(grant, identity)


def verify(
    presented: Presented, known: Known | None, body_sha256: str, wall_now: float
) -> Principal:
    """The principal behind a request, by the key that was found, or was not (None).

    Raises:
        CallerError: As ``aws.authenticate`` does.
    """
    if known is None:
        return authenticate(presented, None, body_sha256, wall_now)
    credential, principal = known
    pair = credential.secret, principal
    return authenticate(presented, pair, body_sha256, wall_now, expires=credential.expires)


def check_reach(service: str, principal: Principal) -> None:
    """Refuse IAM to a user's own session, which has no MFA.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
    """
    session = principal.session
    if service == "iam" and session is not None and not session.role_arn:
        raise refuse(service, Refusal.TOKEN)
