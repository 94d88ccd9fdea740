"""Which names buckets and keys may have, and how they are written in ARNs.

Invariant: a key is the caller's bytes, decoded once and kept; it never becomes a file name.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
"""

import hashlib
import ipaddress
import re

from hostler.api.s3.errors import error

KEY_BYTES_MAX = 1024

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


def check_bucket(name: str) -> None:
    """Raise InvalidBucketName for a name that no bucket can have."""
    if (
        _BUCKET.fullmatch(name) is None
        or ".." in name
        or name.startswith(_RESERVED_PREFIXES)
        or name.endswith(_RESERVED_SUFFIXES)
        or _is_address(name)
    ):
        raise error("InvalidBucketName", "The specified bucket is not valid.", BucketName=name)


def check_key(key: str) -> None:
    """Raise for a key that no object can have."""
    size = len(key.encode())
    if size > KEY_BYTES_MAX:
        raise error(
            "KeyTooLongError",
            "Your key is too long",
            Size=str(size),
            MaxSizeAllowed=str(KEY_BYTES_MAX),
        )
    if "\0" in key:
        raise error("InvalidURI", "Couldn't parse the specified URI.", URI=key.replace("\0", "%00"))


def canonical_id(account: str) -> str:
    """The canonical user id of an account: 64 hexadecimal digits, always the same."""
    return hashlib.sha256(f"canonical user of {account}".encode()).hexdigest()


def _is_address(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True
