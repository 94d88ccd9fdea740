"""Every case of S3 through Hostler to an external one: the outcomes it has without Hostler."""

from collections.abc import Iterator
from fnmatch import fnmatchcase

import pytest

import reference_s3
import s3_cases
from reference_s3 import forget_all, reference_server
from running import hostler
from s3_rig import s3_server
from s3_server import ROOT

HERE = "us-east-1"

DIFFERENCES = {
    "checksums/2[67] put_object/Status": "a body that is not what its digests say goes no further",
    "uploads/34 upload_part/Status": "its defects (500) are told as unavailability",
}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with reference_server() as running:
        yield running.address


def test_hostler_changes_no_outcome_but_those_named(address: str) -> None:
    unexplained = {}
    straight = reference_s3.client(address, HERE)
    with hostler("--region", HERE, *reference_s3.settings(address)) as server:
        for name in s3_cases.CASES:
            forget_all(address)
            through = s3_cases.record(server.client("s3"), name)
            forget_all(address)
            found = s3_cases.differences(name, through, s3_cases.record(straight, name))
            unexplained |= {
                place: values
                for place, values in found.items()
                if not any(fnmatchcase(place, each) for each in DIFFERENCES)
            }
    assert unexplained == {}


def test_a_server_that_checks_every_signature_and_digest_takes_what_is_relayed() -> None:
    """Which the reference server does not; ours does."""
    key, secret = ROOT
    with s3_server() as beyond, s3_server() as straight:
        words = reference_s3.settings(f"http://127.0.0.1:{beyond.port}", key, secret)
        with hostler("--region", HERE, *words) as server:
            for name in s3_cases.CASES:
                through = s3_cases.record(server.client("s3"), name)
                direct = s3_cases.record(straight.client(), name)
                assert s3_cases.differences(name, through, direct) == {}
