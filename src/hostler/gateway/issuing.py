"""Certificates of Hostler's own: authorities that may sign for few names, and what they sign.

Invariant: an authority is confined by a critical name constraint, so that whoever trusts it risks
no other site.
"""

import contextlib
import fcntl
import ipaddress
import os
import secrets
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate, GeneralName

AUTHORITY_LIFE = timedelta(days=3650)


class AuthorityError(Exception):
    """The authority's files cannot be used; the text says why."""


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Whoever else makes something in the folder waits meanwhile."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def authority(called: str, names: Iterable[str]) -> tuple[bytes, bytes]:
    """A new authority that may sign for these names, what is below them, and these addresses.

    Returns: certificate and key, PEM.
    """
    # Loaded where one is made alone: at a data directory's first start.
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(x509.oid.NameOID.ORGANIZATION_NAME, "Hostler"),
            x509.NameAttribute(
                x509.oid.NameOID.COMMON_NAME, f"Hostler {called} {secrets.token_hex(4)}"
            ),
        ]
    )
    now = datetime.now(UTC)
    usage = dict.fromkeys(
        (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), critical=True)
        .add_extension(
            x509.NameConstraints([_general(each, within=True) for each in names], None),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _pem(certificate), _secret(key)


def signs_for(authority_pem: bytes, names: Iterable[str]) -> bool:
    """Whether these are the names that an authority may sign for, no more and no fewer."""
    from cryptography import x509  # noqa: PLC0415

    try:
        issuer = x509.load_pem_x509_certificate(authority_pem)
        confined = issuer.extensions.get_extension_for_class(x509.NameConstraints).value
    except (ValueError, x509.ExtensionNotFound):
        return False
    return set(confined.permitted_subtrees or ()) == {_general(each, within=True) for each in names}


def signed(
    authority_pem: bytes, authority_key: bytes, names: Iterable[str], until: datetime
) -> bytes:
    """A server's certificate for names and addresses, and its key: one PEM text.

    Raises:
        AuthorityError: there is nothing to sign with.
    """
    # Loaded with the first certificate that is needed: most gateways never see one.
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    try:
        issuer = x509.load_pem_x509_certificate(authority_pem)
        signer = serialization.load_pem_private_key(authority_key, None)
    except ValueError as error:
        raise AuthorityError(f"the local authority cannot be read: {error}") from error
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise AuthorityError("the local authority's key is of another kind")
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(min(until, issuer.not_valid_after_utc))
        .add_extension(
            x509.SubjectAlternativeName([_general(each) for each in names]), critical=True
        )
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
    return _pem(certificate) + _secret(key)


def _general(name: str, *, within: bool = False) -> "GeneralName":
    """A host as certificates name it; ``within``: an address as the network of it alone."""
    from cryptography import x509  # noqa: PLC0415

    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return x509.DNSName(name)
    return x509.IPAddress(ipaddress.ip_network(address) if within else address)


def _pem(certificate: "Certificate") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415

    return certificate.public_bytes(Encoding.PEM)


def _secret(key: "EllipticCurvePrivateKey") -> bytes:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
