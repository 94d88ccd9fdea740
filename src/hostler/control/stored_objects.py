"""The objects of Hostler's own S3, read from its index and blobs without asking its process.

Invariant: reads only; the S3 process is the one writer of both.
"""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import TypeVar

from hostler.control.model_data import UnavailableError
from hostler.domain.ports import LocalFile
from hostler.iam.evaluate import ResourcePolicy
from hostler.store import objects
from hostler.store.blobs import Blobs
from hostler.store.database import Store, StoreUnavailableError, Transaction
from hostler.store.objects import StoredObject

T = TypeVar("T")


class StoredObjects:
    """``Objects`` over the S3 index and its blobs.

    Args:
        index: The S3 index (``object_index.read_index``), which S3's process makes and migrates.
        blobs: The contents.
    """

    def __init__(self, index: Store, blobs: Blobs) -> None:
        self._index = index
        self._blobs = blobs

    def policy(self, bucket: str) -> ResourcePolicy | None:
        return self._read(lambda tx: _policy(tx, bucket))

    def find(self, bucket: str, key: str) -> LocalFile | None:
        found = self._read(lambda tx: objects.lookup(tx, bucket, key))
        return None if found is None else self._local(found)

    def below(self, bucket: str, folder: str, limit: int) -> Sequence[LocalFile]:
        found = self._read(lambda tx: _below(tx, bucket, folder, limit))
        return [self._local(each) for each in found]

    def _read(self, work: Callable[[Transaction], T]) -> T:
        try:
            return self._index.run(work)
        except StoreUnavailableError as error:
            raise UnavailableError(str(error)) from error

    def _local(self, stored: StoredObject) -> LocalFile:
        path = self._blobs.path(stored.digest)
        return LocalFile(path=path, key=stored.key, digest=stored.digest, size=stored.size)


def _policy(tx: Transaction, bucket: str) -> ResourcePolicy | None:
    found = objects.bucket(tx, bucket)
    if found is None:
        return None
    document = objects.setting(tx, bucket, objects.POLICY)
    return ResourcePolicy(found.account, document, f"the policy of bucket {bucket}")


def _below(tx: Transaction, bucket: str, folder: str, limit: int) -> list[StoredObject]:
    found = objects.scan(tx, bucket, prefix=folder)
    return list(islice((each for each in found if not each.key.endswith("/")), limit))
