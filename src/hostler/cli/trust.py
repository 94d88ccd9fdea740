"""Whom a user's tools are to trust: the authorities they know, and Hostler's.

Invariant: one file of the data directory, replaced whole and only where something changed; nothing
that was trusted before is left out of it.
"""

import os
import re
import ssl
from collections.abc import Iterable
from pathlib import Path

from hostler.app.settings import Settings
from hostler.app.supervisor import place
from hostler.modelserver import whole
from hostler.toolkit import shell

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_SYSTEM_CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)


class TrustError(Exception):
    """Nobody can be told whom to trust; the text says why."""


def bundle(settings: Settings) -> Path:
    """Write the file, with the authority for AWS's names and what vouches for the port.

    For a certificate of the user's own that is all of its file: a self-signed one, or the private
    authority that is its end, may be known to nobody yet.
    """
    layout, server = settings.layout, settings.config.server
    ours = [layout.authority_certificate]
    if server.tls_certificate:
        ours.append(Path(server.tls_certificate))
    elif server.has_tls:
        ours.append(layout.server_authority_certificate)
    try:
        texts = [*_trusted(), *(path.read_text() for path in ours)]
    except FileNotFoundError as error:
        raise TrustError(
            f"there is no {error.filename} yet: `hostler up` makes it, then ask again"
        ) from None
    text = "".join(f"{each}\n" for each in _certificates(texts))
    path = layout.trusted_certificates
    try:
        if not path.exists() or path.read_text() != text:
            whole.write(path, text.encode(), mode=0o644)
    except OSError as error:
        raise TrustError(
            "the certificates to trust cannot be written: "
            f"{place.explain(error, settings.data_dir)}"
        ) from None
    return path


def _trusted() -> list[str]:
    """What the user's tools trust so far: the texts of the files that say it."""
    chosen = [os.environ.get(name) for name in shell.CERTIFICATES]
    own = [path for path in dict.fromkeys(chosen) if path and Path(path).is_file()]
    defaults = ssl.get_default_verify_paths()
    machine = (defaults.cafile, defaults.openssl_cafile, *_SYSTEM_CERTIFICATES)
    general = [path for path in machine if path and Path(path).is_file()][:1]
    return [Path(path).read_text(errors="replace") for path in (*own, *general)]


def _certificates(texts: Iterable[str]) -> list[str]:
    """The certificates in PEM texts, each once: a shell may ask for its exports again."""
    return list(dict.fromkeys(found for text in texts for found in _PEM.findall(text)))
