"""What can be known of a certificate of the user's own before anybody listens: it can be used.

Standard library only: the supervisor reads settings too.
"""

import ssl
from collections.abc import Iterator
from pathlib import Path

from hostler.domain.config.server import Server
from hostler.domain.setting import Fault


def faults(given: Server) -> Iterator[Fault]:
    """What is wrong with the files of ``tls_certificate`` and ``tls_key``."""
    for key in ("tls_certificate", "tls_key"):
        path = Path(getattr(given, key))
        try:
            path.read_bytes()
        except OSError as error:
            yield Fault(key, f"{path} ({error.strerror})")
            return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            given.tls_certificate, given.tls_key, password=_none
        )
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        reason = getattr(error, "reason", None) or str(error)
        text = _MEANING.get(reason, f"they are no PEM certificate and its key ({reason})")
        yield Fault("tls_certificate", f"{given.tls_certificate} with {given.tls_key}: {text}")


_MEANING = {
    "KEY_VALUES_MISMATCH": "the key is another certificate's",
    "KEY_TYPE_MISMATCH": "the key is another certificate's",
    "": "the key has a password: write it without one, readable for Hostler alone",
}


def _none() -> str:
    """Nobody is there to type one."""
    raise ValueError("")
