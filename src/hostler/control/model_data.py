"""Model data for instances, read with the execution role's own permissions.

Invariant: a file is handed out only if the role trusts SageMaker and its policies, with the
bucket's, allow s3:GetObject on that very object; whether the object exists is told to nobody else.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from hostler.control import execution_role
from hostler.control.execution_role import NotActingError
from hostler.domain.ids import object_arn
from hostler.domain.instance import FailureCause
from hostler.domain.model import DataType, ModelData
from hostler.domain.ports import LocalFile, ModelDataError
from hostler.domain.snapshot import Principal
from hostler.iam.evaluate import PolicyEngine, ResourcePolicy
from hostler.iam.grammar import Source
from hostler.store.database import Store, StoreUnavailableError

SCHEME = "s3://"
GET_OBJECT = "s3:GetObject"
FILES_MAX = 10_000
"""Objects below one prefix that an instance is given."""
_FROM_HERE = {"aws:SecureTransport": "true"}
"""Model data crosses no network; on AWS, SageMaker reads it over TLS."""


class Objects(Protocol):
    """Where objects are kept, as model data needs it. Blocking; raises UnavailableError."""

    def policy(self, bucket: str) -> ResourcePolicy | None:
        """Whose a bucket is and what its policy says; None where there is no such bucket."""
        ...

    def find(self, bucket: str, key: str) -> LocalFile | None:
        """An object by its key."""
        ...

    def below(self, bucket: str, folder: str, limit: int) -> Sequence[LocalFile]:
        """The objects below a folder, so many at most, without consoles' markers of folders."""
        ...


class UnavailableError(Exception):
    """Objects cannot be looked up now; worth trying again."""


class StoredModelData:
    """``ModelDataSource`` over the identities and the objects. Blocking.

    Args:
        store: The control database, for the roles.
        kept: The objects; their keys are whole.
        region: Chooses the partition of the objects' ARNs.
    """

    def __init__(self, store: Store, kept: Objects, region: str) -> None:
        self._store = store
        self._kept = kept
        self._region = region
        self._engine = PolicyEngine()

    def fetch(self, role_arn: str, region: str, data: ModelData) -> Sequence[LocalFile]:
        """The object, or every object below the prefix; raises ModelDataError."""
        try:
            return self._found(self._role(role_arn, region), data)
        except UnavailableError as error:
            text = f"{data.uri} cannot be looked up now ({error}); try again"
            raise ModelDataError(FailureCause.PLATFORM, text) from error

    def _found(self, role: Principal, data: ModelData) -> Sequence[LocalFile]:
        bucket, key = _location(data)
        asked = _Asked(role, data.uri, bucket, self._kept.policy(bucket))
        if data.data_type is DataType.PREFIX:
            return self._below(asked, key)
        self._allow(asked, key)
        found = self._kept.find(bucket, key)
        if found is None:
            raise _missing(data.uri, "there is no object at that URI")
        return [replace(found, key=key.rpartition("/")[2])]

    def _role(self, role_arn: str, region: str) -> Principal:
        try:
            return self._store.run(lambda tx: execution_role.acting(tx, role_arn, region))
        except NotActingError as error:
            raise ModelDataError(FailureCause.ROLE_NOT_ALLOWED, str(error)) from error
        except StoreUnavailableError as error:
            raise UnavailableError(str(error)) from error

    def _below(self, asked: "_Asked", prefix: str) -> list[LocalFile]:
        # A folder is meant, whether or not its slash was written: «model» is not «model-2/…».
        folder = prefix if not prefix or prefix.endswith("/") else f"{prefix}/"
        if asked.is_elsewhere:
            self._allow(asked, folder)  # before anything is told of another account's bucket
        files = []
        for found in self._kept.below(asked.bucket, folder, FILES_MAX + 1):
            self._allow(asked, found.key)
            files.append(replace(found, key=found.key.removeprefix(folder)))
        if not files:
            self._allow(asked, folder)
            raise _missing(asked.uri, "there are no objects below that prefix")
        if len(files) > FILES_MAX:
            text = f"{asked.uri} holds more than {FILES_MAX} objects: no more are deployed as one"
            raise ModelDataError(FailureCause.MODEL_LOAD, f"{text} model")
        return files

    def _allow(self, asked: "_Asked", key: str) -> None:
        role, resource = asked.role, object_arn(self._region, asked.bucket, key)
        keys = {"aws:RequestedRegion": self._region, **_FROM_HERE}
        decision = self._engine.decide(role, GET_OBJECT, resource, keys, on=asked.policy)
        if decision.allowed:
            return
        by = f"{decision.policy} denies it" if decision.explicit_deny else "no policy allows it"
        remedy = f"Allow {GET_OBJECT} on {resource} in a policy of the role."
        if asked.is_elsewhere:
            by = "the bucket is another account's"
            remedy = (
                f"Allow {GET_OBJECT} to the role in the bucket's policy and in a policy of the "
                "role, or copy the model into a bucket of the role's account."
            )
        elif decision.explicit_deny and decision.source is Source.RESOURCE:
            remedy = "Let the bucket's policy spare the role."
        raise ModelDataError(
            FailureCause.ROLE_NOT_ALLOWED,
            f"{role.arn} may not {GET_OBJECT} {asked.uri}: {by}. {remedy}",
        )


@dataclass(frozen=True, slots=True)
class _Asked:
    """Who reads, and from which bucket."""

    role: Principal
    uri: str
    bucket: str
    policy: ResourcePolicy | None

    @property
    def is_elsewhere(self) -> bool:
        """Whether the bucket is another account's."""
        return self.policy is not None and self.policy.owner != self.role.account


def _location(data: ModelData) -> tuple[str, str]:
    """Bucket and key of an ``s3://`` URI."""
    bucket, _, key = data.uri.removeprefix(SCHEME).partition("/")
    named = data.uri.startswith(SCHEME) and bucket
    if not named or (not key and data.data_type is DataType.OBJECT):
        raise _missing(data.uri, "it is not of the form s3://bucket/key")
    return bucket, key


def _missing(uri: str, why: str) -> ModelDataError:
    text = f"could not access model data at {uri}: {why}. Upload it and deploy again."
    return ModelDataError(FailureCause.MISSING_OBJECT, text)
