"""Session tokens: temporary credentials that whoever holds the key can read, and nobody else.

A token is one byte (``VERSION``), a nonce, and a ``Grant`` as compressed msgpack, sealed with
AES-256-GCM; base64 of all that. So no process has to be asked for a session, or told of one.

Invariant: what was not sealed with the key is no token, whatever it looks like; nothing of it is
read before that is found.
"""

import base64
import binascii
import zlib
from collections.abc import Mapping, Sequence

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hostler.domain.grants import Grant
from hostler.domain.snapshot import Policy

VERSION = b"\x01"
KEY_BYTES = 32
NONCE_BYTES = 12
TOKEN_CHARACTERS_MAX = 16_384
PACKED_BYTES_MAX = 4_096
"""Of session policies and tags, compressed: what all of them may add to a token."""

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Grant)


def seal(key: bytes, grant: Grant, nonce: bytes) -> str:
    """The token of a grant.

    Args:
        key: ``KEY_BYTES`` of chance.
        grant: What it says.
        nonce: ``NONCE_BYTES`` of chance, used once.
    """
    said = zlib.compress(_encoder.encode(grant), 9)
    return base64.b64encode(VERSION + nonce + AESGCM(key).encrypt(nonce, said, VERSION)).decode()


def opened(key: bytes, token: str) -> Grant | None:
    """What a token says; None for one that was not sealed with this key."""
    if not key or len(token) > TOKEN_CHARACTERS_MAX:
        return None
    try:
        sealed = base64.b64decode(token, validate=True)
    except (binascii.Error, ValueError):
        return None
    nonce, rest = sealed[1 : NONCE_BYTES + 1], sealed[NONCE_BYTES + 1 :]
    if sealed[:1] != VERSION or not rest:
        return None
    try:
        return _decoder.decode(zlib.decompress(AESGCM(key).decrypt(nonce, rest, VERSION)))
    except (InvalidTag, msgspec.DecodeError):
        return None


def packed_percent(policies: Sequence[Policy], tags: Mapping[str, str]) -> int:
    """How much of ``PACKED_BYTES_MAX`` session policies and tags take, rounded up."""
    size = len(zlib.compress(_encoder.encode((list(policies), tags)), 9))
    return -(-size * 100 // PACKED_BYTES_MAX)
