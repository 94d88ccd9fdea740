"""CBOR as others write it: indefinite lengths, tags, halves of floats; and what is none."""

import gzip
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostler.aws import errors, parse, route, specs
from hostler.aws.protocols import cbor
from hostler.aws.protocols.errors import UnreadableError
from hostler.domain.errors import CallerError

from .clients import parsed, request_of

FAST = settings(max_examples=60, deadline=None)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("00", 0),
        ("1903e8", 1000),
        ("1bffffffffffffffff", 2**64 - 1),
        ("3903e7", -1000),
        ("f93c00", 1.0),
        ("fa47c35000", 100000.0),
        ("fb3ff199999999999a", 1.1),
        ("f97c00", math.inf),
        ("c11a514b67b0", 1363896240),
        ("f4", False),
        ("f5", True),
        ("f6", None),
        ("f7", None),
        ("43010203", b"\1\2\3"),
        ("63c3bc61", "üa"),
        ("83010203", [1, 2, 3]),
        ("a16161820102", {"a": [1, 2]}),
        ("9f018202039fffff", [1, [2, 3], []]),
        ("bf616101ff", {"a": 1}),
        ("7f657374726561646d696e67ff", "streaming"),
        ("5f42010243030405ff", b"\1\2\3\4\5"),
    ],
)
def test_values(written: str, value: object) -> None:
    """Most are examples of RFC 8949's appendix A."""
    assert cbor.loads(bytes.fromhex(written)) == value


@pytest.mark.parametrize(
    "written",
    [
        "",
        "18",
        "1c",
        "62c3",
        "62c328",
        "9bffffffffffffffff",
        "bbffffffffffffffff",
        "5bffffffffffffffff00",
        "a10102",
        "9f01",
        "bf6161",
        "7f01ff",
        "ff",
        "f0",
        "1f",
        "0000",
        "81" * 70 + "00",
        "c1" * 70 + "00",
    ],
)
def test_what_is_none_is_refused(written: str) -> None:
    with pytest.raises(UnreadableError):
        cbor.loads(bytes.fromhex(written))


@FAST
@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        cbor.loads(body)
    except UnreadableError:
        return


def test_an_error_has_the_querys_code_for_botocore() -> None:
    service = specs.service("cloudwatch", "smithy-rpc-v2-cbor")
    operation = service.operation("PutMetricData")
    wrong = CallerError("InvalidParameterValue", "The value is wrong.")
    answer = errors.response(service, operation, wrong, "id")
    assert (answer.status, dict(answer.headers)["smithy-protocol"]) == (400, "rpc-v2-cbor")
    found = parsed("smithy-rpc-v2-cbor", answer, None)["Error"]
    assert (found["Code"], found["Message"]) == ("InvalidParameterValue", "The value is wrong.")
    assert cbor.loads(answer.body)["__type"] == "InvalidParameterValueException"


@pytest.mark.parametrize("protocol", ["json", "query", "smithy-rpc-v2-cbor"])
def test_compressed_bodies_are_understood_in_each_protocol(protocol: str) -> None:
    params = {"Namespace": "A", "MetricData": [{"MetricName": "m", "Value": 1.5}]}
    request = request_of("cloudwatch", protocol, "PutMetricData", params)
    signed = ("authorization", "AWS4-HMAC-SHA256 Credential=A/20260101/r/monitoring/aws4_request, ")
    packed = type(request)(
        request.method,
        request.raw_target,
        (*request.headers, ("content-encoding", "gzip"), signed),
        gzip.compress(request.body),
    )
    assert parse.parse(route.identify(packed), packed) == params
