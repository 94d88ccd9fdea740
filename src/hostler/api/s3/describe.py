"""What travels with an object: its headers in, and out again.

Invariant: what was given at the upload comes back the same at every download.
"""

import re
from collections.abc import Mapping
from typing import Any

from hostler.api.s3.call import S3Call
from hostler.api.s3.checksums import ALGORITHMS
from hostler.api.s3.errors import error, invalid_argument
from hostler.aws import uri
from hostler.aws.http import HttpRequest
from hostler.store.objects import NULL_VERSION, Checksum, StoredObject

METADATA_BYTES_MAX = 2048
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
DEFAULT_TYPE = "binary/octet-stream"

_KEPT = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType")
_EXPIRES = "Expires"
"""Kept and shown as it was sent: S3 takes any text."""
_ENCRYPTION = "ServerSideEncryption"
"""Told where it was asked for: at rest, encryption is the disk's, as S3's is S3's."""
_OVERRIDES = frozenset(
    {
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-type",
        "expires",
    }
)
"""What a reader may ask to be told instead, by ``response-`` parameters."""


def headers_of(call: S3Call) -> dict[str, str]:
    """The content headers of an upload, by member name."""
    kept = {name: str(call.params[name]) for name in _KEPT if name in call.params}
    encodings = [
        part.strip()
        for part in kept.pop("ContentEncoding", "").split(",")
        if part.strip().lower() not in ("", "aws-chunked")
    ]
    if encodings:
        kept["ContentEncoding"] = ",".join(encodings)
    if (expires := call.request.header.get("expires")) is not None:
        kept[_EXPIRES] = expires
    if _ENCRYPTION in call.params:
        kept[_ENCRYPTION] = "AES256"
    kept.setdefault("ContentType", DEFAULT_TYPE)
    return kept


def metadata_of(params: Mapping[str, Any]) -> dict[str, str]:
    """The user's metadata of an upload; keys are lower-case."""
    metadata = {str(key).lower(): str(value) for key, value in params.get("Metadata", {}).items()}
    size = sum(len(key.encode()) + len(value.encode()) for key, value in metadata.items())
    if size > METADATA_BYTES_MAX:
        raise error(
            "MetadataTooLarge",
            "Your metadata headers exceed the maximum allowed metadata size",
            Size=str(size),
            MaxSizeAllowed=str(METADATA_BYTES_MAX),
        )
    return metadata


def members_of(stored: StoredObject, params: Mapping[str, Any], *, whole: bool) -> dict[str, Any]:
    """The members of GetObject's and HeadObject's outputs, without the length.

    A part of an object carries no checksum: it would be that of the whole.
    """
    members: dict[str, Any] = {
        "AcceptRanges": "bytes",
        "LastModified": stored.modified,
        "ETag": quoted(stored.etag),
        "Metadata": stored.metadata,
        **{
            name: value
            for name, value in stored.headers.items()
            if name != _EXPIRES and f"Response{name}" not in params
        },
    }
    if stored.tags:
        members["TagCount"] = len(stored.tags)
    if whole and str(params.get("ChecksumMode", "")).upper() == "ENABLED":
        members.update(checksum_members(stored.checksum))
    return members


def plain_headers(stored: StoredObject, request: HttpRequest) -> tuple[tuple[str, str], ...]:
    """Headers that go out exactly as they came in: Expires, and those that the reader asks for.

    S3 sends what is asked for in ISO 8859-1, and refuses what has no place there.
    """
    told: dict[str, str] = {}
    if (expires := stored.headers.get(_EXPIRES)) is not None:
        told["expires"] = expires
    for name, values in uri.multidict(request.raw_query).items():
        header = name.removeprefix("response-")
        if header == name or header not in _OVERRIDES:
            continue
        try:
            values[0].encode("latin-1")
        except UnicodeEncodeError:
            raise invalid_argument(
                "Header value cannot be represented using ISO-8859-1.", name, values[0]
            ) from None
        told[header] = _CONTROLS.sub(" ", values[0])
    return tuple(told.items())


def written_members(made: StoredObject) -> dict[str, Any]:
    """What every answer to a write tells of the new object, beside its sums."""
    return {
        "VersionId": None if made.version_id == NULL_VERSION else made.version_id,
        _ENCRYPTION: made.headers.get(_ENCRYPTION),
    }


def checksum_members(checksum: Checksum | None) -> dict[str, Any]:
    """A checksum as the members of an output."""
    if checksum is None:
        return {}
    return {
        ALGORITHMS[checksum.algorithm].member: checksum.value,
        "ChecksumType": checksum.kind,
    }


def quoted(etag: str) -> str:
    return f'"{etag}"'
