"""Model data by the execution role's own permissions: found, missing, refused."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hostler.control import model_data
from hostler.control.model_data import StoredModelData
from hostler.control.stored_objects import StoredObjects
from hostler.domain.instance import FailureCause
from hostler.domain.model import Compression, DataType, ModelData
from hostler.domain.ports import ModelDataError
from hostler.store import object_index, objects, schema
from hostler.store.blobs import Blobs
from hostler.store.database import Store
from hostler.store.identities import entities, policies

ACCOUNT, REGION = "123456789012", "us-east-1"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "sagemaker.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)
READS_MODELS = [
    {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/models/*"}
]


@dataclass
class Place:
    """A control database and an S3 index in memory, and blobs on disk."""

    store: Store
    index: Store
    blobs: Blobs
    source: StoredModelData

    def role(self, name: str, statements: list[dict[str, object]], trust: str = TRUST) -> str:
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})

        def make(tx: object) -> str:
            role = entities.create_role(tx, ACCOUNT, name, path="/", trust=trust, now=0.0)  # type: ignore[arg-type]
            policies.put_inline(tx, role.id, "inline", document)  # type: ignore[arg-type]
            return role.arn

        return self.store.run(make, write=True)

    def put(self, key: str, content: bytes = b"model") -> None:
        writer = self.blobs.begin()
        writer.write(content)
        blob = writer.commit()
        writer.close()
        stored = objects.StoredObject("b", key, blob.size, blob.digest, "etag", 0.0)
        self.index.run(lambda tx: objects.put(tx, stored), write=True)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    store = Store("sqlite://", tables=schema.metadata)
    store.create_tables()
    index = Store("sqlite://", tables=objects.index)
    index.create_tables()
    blobs = Blobs(tmp_path / "s3")
    blobs.own()
    yield Place(store, index, blobs, StoredModelData(store, StoredObjects(index, blobs), REGION))
    blobs.release()
    store.close()
    index.close()


def refused(place: Place, role: str, data: ModelData) -> ModelDataError:
    with pytest.raises(ModelDataError) as caught:
        place.source.fetch(role, REGION, data)
    return caught.value


def test_an_object_that_the_role_may_read_is_a_local_file(place: Place) -> None:
    role = place.role("r", READS_MODELS)
    place.put("models/a/model.tar.gz", b"archive")
    (file,) = place.source.fetch(role, REGION, ModelData("s3://b/models/a/model.tar.gz"))
    assert (file.key, file.size) == ("model.tar.gz", 7)
    assert file.path.read_bytes() == b"archive"
    assert file.digest in str(file.path)


def test_a_prefix_is_a_folder_and_not_its_longer_namesakes(place: Place) -> None:
    role = place.role("r", READS_MODELS)
    for key in ("models/a/", "models/a/code/inference.py", "models/a/w.bin", "models/a2/w.bin"):
        place.put(key)
    for uri in ("s3://b/models/a", "s3://b/models/a/"):
        files = place.source.fetch(role, REGION, ModelData(uri, Compression.NONE, DataType.PREFIX))
        assert [file.key for file in files] == ["code/inference.py", "w.bin"]


@pytest.mark.parametrize("kind", list(DataType))
def test_what_is_not_there_is_said_with_its_uri(place: Place, kind: DataType) -> None:
    role = place.role("r", READS_MODELS)
    error = refused(place, role, ModelData("s3://b/models/none", data_type=kind))
    assert error.cause is FailureCause.MISSING_OBJECT
    assert "s3://b/models/none" in error.message


def test_an_index_that_s3_has_yet_to_bring_up_is_worth_another_try(
    place: Place, tmp_path: Path
) -> None:
    role = place.role("r", READS_MODELS)
    index = object_index.read_index(tmp_path / "s3" / "index.db")
    place.source = StoredModelData(place.store, StoredObjects(index, place.blobs), REGION)
    error = refused(place, role, ModelData("s3://b/models/a"))
    assert error.cause is FailureCause.PLATFORM
    assert "s3://b/models/a cannot be looked up now" in error.message
    object_index.open_index(tmp_path / "s3" / "index.db").close()
    error = refused(place, role, ModelData("s3://b/models/a"))
    assert error.cause is FailureCause.MISSING_OBJECT
    index.close()


@pytest.mark.parametrize("uri", ["https://b/models/x", "s3://", "s3://b", "s3://b/", "models/x"])
def test_other_uris_are_refused(place: Place, uri: str) -> None:
    role = place.role("r", READS_MODELS)
    assert refused(place, role, ModelData(uri)).cause is FailureCause.MISSING_OBJECT


@pytest.mark.parametrize("key", ["other/model.tar.gz", "other/none"])
def test_a_role_learns_nothing_of_what_it_may_not_read(place: Place, key: str) -> None:
    place.put("other/model.tar.gz")
    role = place.role("r", READS_MODELS)
    for kind in DataType:
        error = refused(place, role, ModelData(f"s3://b/{key}", data_type=kind))
        assert error.cause is FailureCause.ROLE_NOT_ALLOWED
        assert f"Allow s3:GetObject on arn:aws:s3:::b/{key}" in error.message


def test_an_explicit_deny_is_named(place: Place) -> None:
    deny = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
    role = place.role("r", [*READS_MODELS, deny])
    place.put("models/m")
    error = refused(place, role, ModelData("s3://b/models/m"))
    assert error.cause is FailureCause.ROLE_NOT_ALLOWED
    assert "inline denies it" in error.message


def test_one_unreadable_object_below_a_prefix_refuses_all_of_it(place: Place) -> None:
    deny = {
        "Effect": "Deny",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::b/models/a/secret",
    }
    role = place.role("r", [*READS_MODELS, deny])
    place.put("models/a/open")
    place.put("models/a/secret")
    data = ModelData("s3://b/models/a", Compression.NONE, DataType.PREFIX)
    assert refused(place, role, data).cause is FailureCause.ROLE_NOT_ALLOWED


def test_a_prefix_of_too_many_objects_is_refused_without_reading_them_all(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = place.role("r", READS_MODELS)
    for number in range(20):
        place.put(f"models/a/{number:02}/")
        place.put(f"models/a/{number:02}/w.bin")
    data = ModelData("s3://b/models/a", Compression.NONE, DataType.PREFIX)
    monkeypatch.setattr(model_data, "FILES_MAX", 20)
    assert len(place.source.fetch(role, REGION, data)) == 20
    monkeypatch.setattr(model_data, "FILES_MAX", 5)
    read: list[str] = []
    scan = objects.scan

    def counted(*given: Any, **named: Any) -> Iterator[objects.StoredObject]:
        for stored in scan(*given, **named):
            read.append(stored.key)
            yield stored

    monkeypatch.setattr(objects, "scan", counted)
    error = refused(place, role, data)
    assert error.cause is FailureCause.MODEL_LOAD
    assert "more than 5 objects" in error.message
    assert len(read) == 12


def test_a_role_that_does_not_exist(place: Place) -> None:
    error = refused(place, f"arn:aws:iam::{ACCOUNT}:role/none", ModelData("s3://b/models/m"))
    assert error.cause is FailureCause.ROLE_NOT_ALLOWED
    assert "does not exist" in error.message


def test_a_role_that_does_not_trust_sagemaker(place: Place) -> None:
    trust = TRUST.replace("sagemaker.amazonaws.com", "ec2.amazonaws.com")
    role = place.role("r", READS_MODELS, trust)
    place.put("models/m")
    error = refused(place, role, ModelData("s3://b/models/m"))
    assert error.cause is FailureCause.ROLE_NOT_ALLOWED
    assert "sagemaker.amazonaws.com" in error.message


def test_a_role_may_trust_the_sagemaker_of_its_models_region_alone(place: Place) -> None:
    document = json.loads(TRUST)
    source = {"aws:SourceArn": f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:*"}
    document["Statement"][0]["Condition"] = {"ArnLike": source}
    role = place.role("r", READS_MODELS, json.dumps(document))
    place.put("models/m")
    assert place.source.fetch(role, "eu-west-1", ModelData("s3://b/models/m"))
    error = refused(place, role, ModelData("s3://b/models/m"))
    assert error.cause is FailureCause.ROLE_NOT_ALLOWED


EVERYTHING = [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]
NOTHING = [{"Effect": "Allow", "Action": "sts:*", "Resource": "*"}]


def bucket(place: Place, account: str, *statements: dict[str, object]) -> None:
    """Give the bucket an owner, and a policy of these statements if there are any."""
    made = objects.Bucket("b", account, "us-east-1", 0.0)
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    place.index.run(lambda tx: objects.create_bucket(tx, made), write=True)
    if statements:
        place.index.run(
            lambda tx: objects.set_setting(tx, "b", objects.POLICY, document), write=True
        )


def test_another_accounts_bucket_is_read_only_if_its_policy_says_so_too(place: Place) -> None:
    role, poor = place.role("reader", EVERYTHING), place.role("poor", NOTHING)
    place.put("models/m")
    bucket(place, "999999999999")
    for uri in ("s3://b/models/m", "s3://b/models/absent"):
        error = refused(place, role, ModelData(uri))
        assert error.cause is FailureCause.ROLE_NOT_ALLOWED
        assert "another account's" in error.message
    bucket_policy = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::b/models/*",
    }
    bucket(place, "999999999999", bucket_policy)
    assert place.source.fetch(role, REGION, ModelData("s3://b/models/m"))
    assert refused(place, poor, ModelData("s3://b/models/m")).cause is FailureCause.ROLE_NOT_ALLOWED
    missing = refused(place, role, ModelData("s3://b/models/absent"))
    assert missing.cause is FailureCause.MISSING_OBJECT


def test_the_buckets_own_policy_denies_and_allows(place: Place) -> None:
    role, poor = place.role("reader", EVERYTHING), place.role("poor", NOTHING)
    place.put("models/m")
    read = {"Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}
    plainly = {"Bool": {"aws:SecureTransport": "false"}}
    bucket(
        place,
        ACCOUNT,
        {"Effect": "Deny", "Principal": "*", "Condition": plainly, **read},
        {"Effect": "Allow", "Principal": {"AWS": poor}, **read},
    )
    for each in (role, poor):
        assert place.source.fetch(each, REGION, ModelData("s3://b/models/m"))
    denied = {"Effect": "Deny", "Principal": {"AWS": role}, **read}
    bucket(place, ACCOUNT, denied)
    assert (
        "the policy of bucket b denies it"
        in refused(place, role, ModelData("s3://b/models/m")).message
    )
