"""The objects of an external S3: looked up at once, brought here when they are needed.

Invariant: what is looked up is what is brought, for the content is named by its ETag; nothing that
was brought stays.
"""

import hashlib
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path

from hostler.aws.external import ExternalError, ExternalS3, Listed, RefusedError
from hostler.control.model_data import UnavailableError
from hostler.domain.instance import FailureCause
from hostler.domain.ports import LocalFile, ModelDataError, Wanted
from hostler.iam.evaluate import ResourcePolicy


class ExternalObjects:
    """``Objects`` of an external S3, all of one account.

    Args:
        external: Where they are.
        account: Whose they are.
        folder: Where they are brought to; this process's alone, and emptied now.
    """

    def __init__(self, external: ExternalS3, account: str, folder: Path) -> None:
        self._external = external
        self._account = account
        self._folder = folder
        shutil.rmtree(folder, ignore_errors=True)

    def policy(self, bucket: str) -> ResourcePolicy | None:
        return ResourcePolicy(self._account, name=f"the policy of bucket {bucket}")

    def find(self, bucket: str, key: str) -> LocalFile | None:
        with self._explained(f"s3://{bucket}/{key}"):
            try:
                return self._local(bucket, self._external.head(bucket, key))
            except RefusedError as refused:
                if refused.code == "NoSuchKey":
                    return None
                raise

    def below(self, bucket: str, folder: str, limit: int) -> Sequence[LocalFile]:
        with self._explained(f"s3://{bucket}/{folder}"):
            listed = self._external.list(bucket, folder)
            found = (each for each in listed if not each.key.endswith("/"))
            return [self._local(bucket, each) for each in islice(found, limit)]

    def _local(self, bucket: str, listed: Listed) -> LocalFile:
        named = f"{self._external.place.endpoint}\n{bucket}\n{listed.key}\n{listed.etag}"
        return LocalFile(
            path=self._folder / secrets.token_hex(16),
            key=listed.key,
            digest=hashlib.sha256(f"{named}\n{listed.size}".encode()).hexdigest(),
            size=listed.size,
            bring=partial(self._bring, bucket, listed),
        )

    def _bring(self, bucket: str, listed: Listed, target: Path, wanted: Wanted) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        uri = f"s3://{bucket}/{listed.key}"
        try:
            with self._explained(uri):
                self._external.download(bucket, listed, target, wanted)
        except UnavailableError as error:
            text = f"{uri} cannot be downloaded now ({error}); try again"
            raise ModelDataError(FailureCause.PLATFORM, text) from error

    @contextmanager
    def _explained(self, uri: str) -> Iterator[None]:
        try:
            yield
        except ExternalError as error:
            raise UnavailableError(str(error)) from error
        except RefusedError as refused:
            at = f"the external S3 at {self._external.place.endpoint}"
            match refused.code:
                case "NoSuchBucket":
                    why = f"{at} has no such bucket"
                case "NoSuchKey" | "PreconditionFailed":
                    raise UnavailableError(f"{uri} was changed while it was read") from refused
                case _:
                    key = self._external.place.access_key_id
                    why = f"{at} refuses it to Hostler's access key {key} there ({refused})"
            text = f"could not access model data at {uri}: {why}."
            raise ModelDataError(FailureCause.MISSING_OBJECT, text) from refused
