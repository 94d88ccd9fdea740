"""Certificates for AWS's host names, signed by the data directory's own authority.

Invariant: at most ``CONTEXTS_MAX`` are kept, none is used in the last day of its life, and the
authority itself may sign for nothing but AWS's names (``app.authority``).
"""

import asyncio
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

from hostler.domain.layout import Layout

CONTEXTS_MAX = 256
LIFE = timedelta(days=30)
RENEWAL_S = 86_400.0


class AuthorityError(Exception):
    """The authority's files cannot be used; the text says why."""


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
        # Loaded with the first intercepted connection: most gateways never see one.
        from cryptography import x509  # noqa: PLC0415
        from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

        layout = self._layout
        try:
            authority = x509.load_pem_x509_certificate(layout.authority_certificate.read_bytes())
            signer = serialization.load_pem_private_key(layout.authority_key.read_bytes(), None)
        except (OSError, ValueError) as error:
            raise AuthorityError(f"the local authority cannot be read: {error}") from error
        if not isinstance(signer, ec.EllipticCurvePrivateKey):
            raise AuthorityError("the local authority's key is of another kind")
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(authority.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.now(UTC) - timedelta(days=1))
            .not_valid_after(min(until, authority.not_valid_after_utc))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=True)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
                critical=False,
            )
            .sign(signer, hashes.SHA256())
        )
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return _context(certificate, secret, layout.run)


def _context(certificate: "Certificate", secret: bytes, folder: Path) -> ssl.SSLContext:
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    # The ssl module reads certificates from files alone; this one is gone before anybody connects.
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".certificate-") as file:
        file.write(certificate.public_bytes(Encoding.PEM) + secret)
        file.flush()
        context.load_cert_chain(file.name)
    return context
