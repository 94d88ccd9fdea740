"""Temporary credentials, made: a key, a secret, and the token that says for whom.

Invariant: what is handed out here is known everywhere by its token, and kept nowhere.
"""

import secrets
from typing import Any

from hostler.api.members import Refused
from hostler.aws import tokens
from hostler.domain.grants import Grant
from hostler.store import identities
from hostler.store.database import Transaction
from hostler.store.identities import entities, keys

REFUSED = {
    "SerialNumber": Refused("there are no MFA devices here."),
    "TokenCode": Refused("there are no MFA devices here."),
    "MinimumSessionTokenSize": Refused("a token is as long as what it says."),
}
"""The members that both operations have and nothing stands behind."""


def new_grant(identity: str, now: float, duration_s: int) -> Grant:
    """New credentials of a role's, a user's or a root's unique id, without limits of their own."""
    return Grant(
        access_key_id=entities.unique_id("ASIA"),
        secret=keys.new_secret(),
        identity=identity,
        issued=now,
        expires=float(int(now) + duration_s),
    )


def credentials(tx: Transaction, grant: Grant) -> dict[str, Any]:
    """The member Credentials."""
    nonce = secrets.token_bytes(tokens.NONCE_BYTES)
    return {
        "AccessKeyId": grant.access_key_id,
        "SecretAccessKey": grant.secret,
        "SessionToken": tokens.seal(identities.session_key(tx), grant, nonce),
        "Expiration": int(grant.expires),
    }
