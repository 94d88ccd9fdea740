"""Which version of an object a call means.

Invariant: without a version id it is what the key means now; a delete marker is never read, and a
caller who may not list a bucket learns nothing of which keys are missing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hostler.api.s3 import naming
from hostler.api.s3.call import Room, S3Call
from hostler.api.s3.errors import (
    access_denied,
    deleted,
    invalid_argument,
    marker_not_allowed,
    no_such_key,
    no_such_version,
)
from hostler.api.s3.guard import bucket_of
from hostler.aws import times
from hostler.store import object_versions
from hostler.store.database import Transaction
from hostler.store.object_versions import DeleteMarker, Version
from hostler.store.objects import NULL_VERSION, StoredObject

_VERSION_ID = re.compile(r"[A-Za-z0-9._-]{32}", re.ASCII)


def version_id_of(params: Mapping[str, Any]) -> str | None:
    """The version that a call names; raises InvalidArgument for what no version can be called."""
    version_id = params.get("VersionId")
    return None if version_id is None else checked(version_id)


def checked(version_id: str, name: str = "versionId") -> str:
    """A version id as given, if it can be one; raises CallerError."""
    if version_id != NULL_VERSION and _VERSION_ID.fullmatch(version_id) is None:
        raise invalid_argument("Invalid version id specified", name, version_id)
    return version_id


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a call reads: a version of an object, or what its key means."""

    bucket: str
    key: str
    version_id: str | None


@dataclass(frozen=True, slots=True)
class Found:
    """An object; ``told`` is its version, where the bucket keeps or kept any."""

    stored: StoredObject
    told: str | None


async def find(room: Room, call: S3Call) -> Found:
    """The object a call names; raises what the caller may know of its absence."""
    naming.check_key(call.key)
    wanted = Wanted(call.bucket, call.key, version_id_of(call.params))
    owner = call.params.get("ExpectedBucketOwner")
    return await room.store.read(lambda tx: lookup(tx, room, call, wanted, owner))


def lookup(tx: Transaction, room: Room, call: S3Call, wanted: Wanted, owner: str | None) -> Found:
    """``find`` within a transaction, for any object."""
    bucket_of(tx, call.asked, wanted.bucket, owner)
    bucket, key, version_id = wanted.bucket, wanted.key, wanted.version_id
    found = (
        object_versions.newest(tx, bucket, key)
        if version_id is None
        else object_versions.find(tx, bucket, key, version_id)
    )
    stored = _existing(room, call, found, wanted)
    keeps = object_versions.versioning(tx, wanted.bucket) is not None
    return Found(stored, stored.version_id if keeps else None)


def _existing(room: Room, call: S3Call, found: Version | None, wanted: Wanted) -> StoredObject:
    """What was found, if it is an object."""
    if isinstance(found, StoredObject):
        return found
    if not room.guard.may_list(call.asked, wanted.bucket):
        raise access_denied()
    if isinstance(found, DeleteMarker):
        if wanted.version_id is None:
            raise deleted(no_such_key(wanted.key), found.version_id)
        modified = times.text(found.modified, "rfc822")
        raise marker_not_allowed(call.request.method, found.version_id, modified)
    if wanted.version_id is not None:
        raise no_such_version(wanted.key, wanted.version_id)
    raise no_such_key(wanted.key)
