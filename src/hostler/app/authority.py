"""The data directory's own certificate authority and proxy token, for ``hostler env --intercept``.

Invariant: made once. The authority may sign for AWS's names alone (a critical name constraint, so
that whoever trusts it risks no other site), and its key never leaves the data directory.
"""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from hostler.domain import hosts
from hostler.domain.layout import Layout
from hostler.modelserver import whole

LIFE = timedelta(days=3650)


def ensure(layout: Layout) -> None:
    """Make what is missing; raises OSError."""
    if layout.authority_certificate.exists() and layout.proxy_token.exists():
        return
    layout.authority.mkdir(mode=0o700, exist_ok=True)
    with _alone(layout):
        if not layout.proxy_token.exists():
            whole.write(layout.proxy_token, secrets.token_urlsafe(24).encode())
        if not layout.authority_certificate.exists():
            certificate, key = _made()
            whole.write(layout.authority_key, key)
            whole.write(layout.authority_certificate, certificate, mode=0o644)


@contextlib.contextmanager
def _alone(layout: Layout) -> Iterator[None]:
    folder = os.open(layout.authority, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _made() -> tuple[bytes, bytes]:
    """A new authority: certificate and key, PEM."""
    # Loaded at a data directory's first start alone.
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(x509.oid.NameOID.ORGANIZATION_NAME, "Hostler"),
            x509.NameAttribute(
                x509.oid.NameOID.COMMON_NAME, f"Hostler local authority {secrets.token_hex(4)}"
            ),
        ]
    )
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=False,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=True,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(
            x509.NameConstraints([x509.DNSName(each) for each in hosts.AWS_DOMAINS], None),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return (
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )
