"""The data directory's own certificate authority and proxy token, for ``hostler env --intercept``.

Invariant: made once. The authority may sign for AWS's names alone (a critical name constraint, so
that whoever trusts it risks no other site), and its key never leaves the data directory.
"""

import secrets

from hostler.domain import hosts
from hostler.domain.layout import Layout
from hostler.gateway import issuing
from hostler.modelserver import whole


def ensure(layout: Layout) -> None:
    """Make what is missing; raises OSError."""
    if layout.authority_certificate.exists() and layout.proxy_token.exists():
        return
    layout.authority.mkdir(mode=0o700, exist_ok=True)
    with issuing.alone(layout.authority):
        if not layout.proxy_token.exists():
            whole.write(layout.proxy_token, secrets.token_urlsafe(24).encode())
        if not layout.authority_certificate.exists():
            certificate, key = issuing.authority("local authority", hosts.AWS_DOMAINS)
            whole.write(layout.authority_key, key)
            whole.write(layout.authority_certificate, certificate, mode=0o644)
