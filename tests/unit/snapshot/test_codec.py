"""Snapshots as bytes and as a file."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostler.domain.snapshot import (
    FORMAT,
    Credential,
    EndpointRoute,
    Policy,
    Principal,
    Snapshot,
    TargetRoute,
    VariantRoute,
)
from hostler.snapshot import codec, file

TARGET = TargetRoute("i-1", ("/d/i/1/s/w0.sock", "/d/i/1/s/w1.sock"), "/d/i/1/s/page")
SNAPSHOT = Snapshot(
    generation=7,
    account="123456789012",
    region="us-east-1",
    endpoints=(
        EndpointRoute(
            "123456789012",
            "us-east-1",
            "Demo",
            "arn:aws:sagemaker:us-east-1:123456789012:endpoint/demo",
            (
                VariantRoute("AllTraffic", 1.0, (TARGET,), at_random=True),
                VariantRoute("B", 0.1, ()),
            ),
            {"team": "rc"},
        ),
    ),
    credentials=(Credential("AKIA1", "s3cr3t", "arn:aws:iam::123456789012:root"),),
    principals=(
        Principal(
            "arn:aws:iam::123456789012:user/x",
            "123456789012",
            "AIDA1",
            "x",
            (Policy("p", "{}"),),
            tags={"team": "rc"},
            boundary=Policy("b", "{}"),
        ),
    ),
    session_key=b"k" * 32,
)


def test_what_is_written_is_read():
    assert codec.decode(codec.encode(SNAPSHOT)) == SNAPSHOT


def test_unknown_fields_of_a_newer_writer_are_ignored():
    plain = msgspec.msgpack.decode(codec.encode(SNAPSHOT))
    plain["new_field"] = {"a": 1}
    plain["endpoints"][0]["variants"][0]["shadow"] = True
    assert codec.decode(msgspec.msgpack.encode(plain)) == SNAPSHOT


def test_missing_optional_fields_of_an_older_writer_get_their_defaults():
    plain = msgspec.msgpack.decode(codec.encode(SNAPSHOT))
    del plain["endpoints"][0]["tags"]
    del plain["endpoints"][0]["variants"][0]["at_random"]
    for member in ("tags", "boundary", "session"):
        del plain["principals"][0][member]
    del plain["credentials"][0]["expires"]
    del plain["session_key"]
    read = codec.decode(msgspec.msgpack.encode(plain))
    (endpoint,), (principal,) = read.endpoints, read.principals
    assert (endpoint.tags, endpoint.variants[0].at_random) == ({}, False)
    assert principal.tags is None, "not known, which is not «none»"
    assert (principal.boundary, read.session_key) == (None, b""), "there were none"


def test_what_nobody_reads_is_written_and_not_asked_for():
    """The next version may leave it out: this one's gateways will do without."""
    plain = msgspec.msgpack.decode(codec.encode(SNAPSHOT))
    assert plain.pop("account")
    assert plain.pop("region")
    assert codec.decode(msgspec.msgpack.encode(plain)).endpoints == SNAPSHOT.endpoints


def test_a_newer_format_is_refused():
    plain = msgspec.msgpack.decode(codec.encode(SNAPSHOT))
    plain["format"] = FORMAT + 1
    plain["generation"] = "a shape of the future"
    with pytest.raises(codec.SnapshotError, match="format 2"):
        codec.decode(msgspec.msgpack.encode(plain))


@given(st.integers(0, len(codec.encode(SNAPSHOT)) - 1))
def test_a_snapshot_cut_anywhere_is_refused(length):
    with pytest.raises(codec.SnapshotError):
        codec.decode(codec.encode(SNAPSHOT)[:length])


@given(st.binary(max_size=200))
def test_foreign_bytes_are_refused(data):
    with pytest.raises(codec.SnapshotError):
        codec.decode(data)


def test_the_file_is_private_and_replaced_whole(tmp_path):
    path = tmp_path / "snapshot"
    assert file.load(path) is None
    file.save(path, SNAPSHOT)
    assert path.stat().st_mode & 0o777 == 0o600
    assert file.load(path) == SNAPSHOT
    assert [each.name for each in tmp_path.iterdir()] == ["snapshot"]


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    (path / "x").touch()
    with pytest.raises(OSError, match="folder"):
        file.save(path, SNAPSHOT)
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]
