"""Buckets that a Host header names."""

import subprocess
import sys

import pytest

from hostler.aws.virtualhost import bucket_of_host


@pytest.mark.parametrize(
    "service",
    [
        "s3",
        "s3.us-east-1",
        "s3-us-west-2",
        "s3-accelerate",
        "s3-accelerate.dualstack",
        "s3-fips.us-gov-west-1",
        "s3-fips.dualstack.us-east-1",
        "s3.dualstack.us-east-1",
        "s3-website-us-east-1",
        "s3-website.eu-central-1",
        "s3-accesspoint.us-east-1",
    ],
)
@pytest.mark.parametrize("bucket", ["buck", "a.bucket-of.mine", "a.s3.b"])
def test_each_endpoint_of_s3_has_its_buckets_below_it(bucket: str, service: str) -> None:
    for domain in ("amazonaws.com", "amazonaws.com.cn", "api.aws", "localhost", "localhost:4747"):
        assert bucket_of_host(f"{bucket}.{service}.{domain}") == bucket


@pytest.mark.parametrize(
    "host",
    [
        "",
        "localhost:4747",
        "s3.us-east-1.amazonaws.com",
        "buck.s3.us-east-1.example.com",
        "buck.s4.us-east-1.amazonaws.com",
        "buck.s3.us_east.amazonaws.com",
        f"buck.s3{'.label' * 50}.amazonaws.com",  # longer than a host's name can be
    ],
)
def test_other_hosts_name_no_bucket(host: str) -> None:
    assert bucket_of_host(host) is None


ATTACK = """
from hostler.aws.virtualhost import bucket_of_host

SEEDS = ("-a", ".a", "a", "-", ".", "-.", "a-", ".s3", ".s3-a", "1", "localhost", "api.aws")
for start in ("abc.s3", "abc.s3.s3", "abc" + ".s3" * 20, ""):
    for seed in SEEDS:
        for length in (40, 80, 200, 100_000):
            for end in ("_.localhost", ".localhost_", "-_", ":1x"):
                bucket_of_host(start + (seed * length)[:length] + end)
"""


def test_no_host_is_slow_to_read() -> None:
    """It is read before the caller is known; exponential time would not end at all."""
    subprocess.run([sys.executable, "-c", ATTACK], check=True, timeout=30)
