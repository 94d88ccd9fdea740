"""Who calls: a request's claim, met with what is known of its access key.

Invariant: an unknown key costs the same work as a known one with a wrong signature, and nothing of
a request is acted upon before its signature was found right.
"""

import contextlib
from typing import NoReturn, TypeVar

from hostler.aws import sigv4
from hostler.aws.refusals import Refusal, refuse
from hostler.aws.sigv4 import Presented
from hostler.domain.errors import CallerError

Who = TypeVar("Who")

_DUMMY_SECRET = "0" * 40
"""Stands for the secret of a key that is not known."""


def authenticate(
    presented: Presented,
    known: tuple[str, Who] | None,
    body_sha256: str,
    wall_now: float,
    *,
    expires: float | None = None,
) -> Who:
    """Whose request it is, by the key that was found, or was not.

    Args:
        presented: The request's claim (``sigv4.present``).
        known: The access key's secret, and whose it is; None for a key that is not active, and for
            a session token that is not the key's.
        body_sha256: As for ``sigv4.verify``.
        wall_now: The wall clock (epoch seconds).
        expires: When temporary credentials end (epoch seconds); None for a long-lived key, which
            has no session token.

    Raises:
        CallerError: A wrong signature, an expired one, a key that is not active, or a session token
            that is none, has ended, or belongs to no such key.
    """
    if known is None:
        refuse_unknown(presented, body_sha256, wall_now)
    secret, who = known
    sigv4.verify(presented, secret, body_sha256, wall_now)
    check_token(presented.service, presented.session_token, expires, wall_now)
    return who


def check_token(service: str, token: str | None, expires: float | None, wall_now: float) -> None:
    """Refuse a token beside a long-lived key, and temporary credentials that have ended.

    Args:
        service: In whose words.
        token: The session token, if there is one; one that was found to be the key's.
        expires: When temporary credentials end (epoch s); None for a long-lived key.
        wall_now: The wall clock (epoch s).
    """
    if expires is None:
        if token:
            raise refuse(service, Refusal.TOKEN)
    elif wall_now >= expires:
        raise refuse(service, Refusal.TOKEN_EXPIRED)


def refuse_unknown(presented: Presented, body_sha256: str, wall_now: float) -> NoReturn:
    """Refuse a request whose access key is not known."""
    with contextlib.suppress(CallerError):
        sigv4.verify(presented, _DUMMY_SECRET, body_sha256, wall_now)
    raise refuse(
        presented.service, Refusal.TOKEN if presented.session_token else Refusal.UNKNOWN_KEY
    )
