"""Under which names requests are answered: a web page must not make itself one of them."""

import pytest

from hostler.domain import hosts

OWN = frozenset({"hostler", "models.example.com"})


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LocalHost:4747",
        "localhost.:80",
        "bucket.s3.localhost:4747",
        "127.0.0.1:4747",
        "192.168.1.5",
        "[::1]:4747",
        "[fe80::1]",
        "hostler:4747",
        "Models.Example.com.",
        " hostler\t",
    ],
)
def test_this_machine_s_names_addresses_and_those_of_the_settings(host: str) -> None:
    assert hosts.refusal(OWN, host) is None


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "rebound.example",
        "127.0.0.1.rebound.example",
        "localhost.rebound.example",
        "notlocalhost",
        "other.hostler",
        "example.com",
        "127.1",
        "0x7f.0.0.1",
        "2130706433",
        "127.0.0.01",
        "::1",
        "[127.0.0.1]",
        "[",
    ],
)
def test_no_other(host: str | None) -> None:
    refusal = hosts.refusal(OWN, host, aws=True)
    assert refusal is not None
    assert "hosts below [server]" in refusal
    assert "127.0.0.1, localhost, hostler, models.example.com" in refusal


def test_aws_s_names_where_they_are_answered() -> None:
    for host in ("sts.us-east-1.amazonaws.com", "bucket.s3.amazonaws.com:443"):
        assert hosts.refusal((), host, aws=True) is None
        assert hosts.refusal((), host) is not None
    assert hosts.refusal((), "amazonaws.com.rebound.example", aws=True) is not None
