"""What decisions ask of what is kept: bucket policies, objects' tags, what uploads began with.

Invariant: reads only. An external S3 keeps its own policies, which limit the one key that it knows;
nothing of them is known here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from hostler.api.s3 import keys
from hostler.api.s3.access import Need
from hostler.api.s3.errors import index_unavailable
from hostler.api.s3.guard import Holding
from hostler.iam.context import Context
from hostler.store import object_versions, objects, uploads
from hostler.store.database import Store, StoreUnavailableError, Transaction
from hostler.store.objects import POLICY, StoredObject

T = TypeVar("T")

_READING = ("s3:GetObject", "s3:PutObjectTagging", "s3:PutObjectVersionTagging")
"""The actions, by their beginnings, that AWS decides with the tags of the object there is."""
_DELETING_TAGS = ("s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging")


@dataclass(frozen=True, slots=True)
class Indexed:
    """Hostler's own objects."""

    index: Store

    async def holding(self, bucket: str) -> Holding | None:
        def read(tx: Transaction) -> Holding | None:
            found = objects.bucket(tx, bucket)
            if found is None:
                return None
            return Holding(found.account, objects.setting(tx, bucket, POLICY), found.region)

        return await self._read(read)

    async def more(self, need: Need) -> Context | None:
        if need.upload_id is not None and need.action == "s3:PutObject":
            return await self._of_upload(need.upload_id)
        if need.key is not None and need.action.startswith((*_READING, *_DELETING_TAGS)):
            return await self._of_object(str(need.bucket), need.key, need.version_id)
        return None

    async def _of_object(self, bucket: str, key: str, version_id: str | None) -> Context:
        def read(tx: Transaction) -> Context:
            found = (
                object_versions.newest(tx, bucket, key)
                if version_id is None
                else object_versions.find(tx, bucket, key, version_id)
            )
            return keys.of_existing(found.tags if isinstance(found, StoredObject) else {})

        return await self._read(read)

    async def _of_upload(self, upload_id: str) -> Context | None:
        found = await self._read(lambda tx: uploads.get(tx, upload_id))
        if found is None:
            return None
        # Grants are not kept: what was said of them is not known any more.
        said = keys.of_new_object(found.headers, [*found.tags.items()])
        return {key: value for key, value in said.items() if key not in keys.GRANTS}

    async def _read(self, work: Callable[[Transaction], T]) -> T:
        try:
            return await self.index.read(work)
        except StoreUnavailableError as failure:
            raise index_unavailable() from failure


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The objects of an external S3, all of which are one account's."""

    account: str

    async def holding(self, bucket: str) -> Holding | None:  # noqa: ARG002 - whichever it is
        return Holding(self.account)

    async def more(self, need: Need) -> Context | None:  # noqa: ARG002 - nobody here knows
        return None
