"""What can be known of `[s3]` without asking the external S3: the files it names can be used.

Standard library only: the supervisor reads settings too.

Invariant: no text of ours holds the secret.
"""

import ssl
from collections.abc import Iterator
from pathlib import Path

from hostler.domain.config import S3
from hostler.domain.setting import Fault


def secret(given: S3) -> str:
    """The secret of the access key; raises OSError, ValueError."""
    if not given.secret_access_key_file:
        return given.secret_access_key
    text = Path(given.secret_access_key_file).read_text().strip()
    if not text or not text.isprintable():
        raise ValueError("it is empty, or holds more than one line")
    return text


def faults(given: S3) -> Iterator[Fault]:
    """What cannot be used of it here and now."""
    try:
        secret(given)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not one line of text"
        yield Fault("secret_access_key_file", f"{given.secret_access_key_file}: {reason}")
    if given.ca_bundle:
        try:
            ssl.create_default_context(cafile=given.ca_bundle)
        except OSError as error:  # ssl.SSLError is one
            yield Fault("ca_bundle", f"{given.ca_bundle} holds no certificates: {error}")
