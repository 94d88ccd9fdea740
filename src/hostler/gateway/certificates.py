"""TLS for AWS's host names, under certificates signed by the data directory's own authority.

Invariant: at most ``CONTEXTS_MAX`` are kept, none is used in the last day of its life, and the
authority itself may sign for nothing but AWS's names (``app.authority``).
"""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time

from hostler.domain.layout import Layout
from hostler.gateway import issuing
from hostler.gateway.issuing import AuthorityError

CONTEXTS_MAX = 256
LIFE = timedelta(days=30)
RENEWAL_S = 86_400.0


class Certificates:
    """TLS contexts by host name."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._contexts: dict[str, tuple[float, ssl.SSLContext]] = {}
        self._issuing = asyncio.Lock()

    async def context(self, host: str) -> ssl.SSLContext:
        """The server's side of TLS as ``host`` (a lower-case name).

        Raises:
            AuthorityError: there is no authority to sign with.
        """
        context = self._known(host)
        if context is not None:
            return context
        async with self._issuing:  # one at a time: it costs ten milliseconds, in a thread
            context = self._known(host)
            if context is None:
                until = datetime.now(UTC) + LIFE
                context = await asyncio.to_thread(self._issue, host, until)
                while len(self._contexts) >= CONTEXTS_MAX:
                    del self._contexts[next(iter(self._contexts))]
                self._contexts[host] = (until.timestamp(), context)
        return context

    def _known(self, host: str) -> ssl.SSLContext | None:
        """The one that was issued, which then is the last to be forgotten."""
        known = self._contexts.pop(host, None)
        if known is None or known[0] < time() + RENEWAL_S:
            return None
        self._contexts[host] = known
        return known[1]

    def _issue(self, host: str, until: datetime) -> ssl.SSLContext:
        layout = self._layout
        try:
            authority = layout.authority_certificate.read_bytes()
            key = layout.authority_key.read_bytes()
        except OSError as error:
            raise AuthorityError(f"the local authority cannot be read: {error}") from error
        context = new_context()
        load(context, issuing.signed(authority, key, [host], until), layout.run)
        return context


def new_context() -> ssl.SSLContext:
    """The server's side of TLS, still without a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def load(context: ssl.SSLContext, pem: bytes, folder: Path) -> None:
    """Let a context have a certificate and key; ``folder`` takes them for a moment."""
    import tempfile  # noqa: PLC0415 - with what it needs, for nobody without TLS

    # The ssl module reads certificates from files alone; this one is gone before anybody connects.
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".certificate-") as file:
        file.write(pem)
        file.flush()
        context.load_cert_chain(file.name)
