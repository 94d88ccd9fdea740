"""Answers whose form clients rely on."""

import orjson
import pytest

from hostler.aws import serialize, specs, times
from hostler.aws.http import HttpResponse


def answer(service: str, operation: str, result: dict[str, object]) -> HttpResponse:
    known = specs.service(service).operation(operation)
    assert known is not None
    return serialize.response(known, result, "the-request")


def test_what_is_absent_is_left_out_and_times_are_floats() -> None:
    response = answer(
        "sagemaker",
        "DescribeEndpoint",
        {"EndpointName": "x", "FailureReason": None, "CreationTime": 1_700_000_000},
    )
    assert response.body == b'{"EndpointName":"x","CreationTime":1700000000.0}'
    assert dict(response.headers)["content-type"] == "application/x-amz-json-1.1"


def test_weights_are_echoed_exactly() -> None:
    variant = {"VariantName": "a", "CurrentWeight": 0.1}
    response = answer("sagemaker", "DescribeEndpoint", {"ProductionVariants": [variant]})
    assert orjson.loads(response.body)["ProductionVariants"][0]["CurrentWeight"] == 0.1


def test_an_operation_without_an_output_answers_nothing() -> None:
    assert answer("sagemaker", "DeleteEndpoint", {}).body == b""


def test_a_member_that_the_shape_lacks_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        answer("sagemaker", "DescribeEndpoint", {"EndpontName": "x"})


def test_xmls_times_are_iso() -> None:
    body = answer("iam", "GetUser", {"User": {"UserName": "u", "CreateDate": 1.7e9}}).body
    assert b"<CreateDate>2023-11-14T22:13:20Z</CreateDate>" in body


def test_s3s_documents_have_their_documented_roots() -> None:
    space = b'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
    for operation, root in (
        ("ListObjectsV2", b"ListBucketResult"),
        ("ListBuckets", b"ListAllMyBucketsResult"),
        ("CreateMultipartUpload", b"InitiateMultipartUploadResult"),
        ("CompleteMultipartUpload", b"CompleteMultipartUploadResult"),
        ("DeleteObjects", b"DeleteResult"),
        ("ListParts", b"ListPartsResult"),
        ("GetBucketVersioning", b"VersioningConfiguration"),
    ):
        assert b"<%b %b>" % (root, space) in answer("s3", operation, {}).body


def test_where_there_is_no_document_there_is_no_body() -> None:
    for operation in ("PutObject", "HeadObject", "DeleteObject", "CreateBucket", "HeadBucket"):
        assert answer("s3", operation, {}).body == b""
    assert answer("s3", "DeleteObject", {}).status == 204


def test_the_location_is_the_root_itself() -> None:
    space = b'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
    body = answer("s3", "GetBucketLocation", {"LocationConstraint": "eu-west-1"}).body
    assert body.endswith(b"<LocationConstraint %b>eu-west-1</LocationConstraint>" % space)
    assert answer("s3", "GetBucketLocation", {}).body.endswith(b"></LocationConstraint>")


def test_a_header_cannot_be_split() -> None:
    response = answer("s3", "HeadObject", {"ContentType": "a\r\nx-evil: 1", "ETag": "é"})
    values = dict(response.headers)
    assert values["Content-Type"] == "a  x-evil: 1"
    assert values["ETag"].encode("latin-1").decode() == "é"


@pytest.mark.parametrize(
    ("moment", "iso", "rfc"),
    [
        (0, "1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
        (1.7e9, "2023-11-14T22:13:20Z", "Tue, 14 Nov 2023 22:13:20 GMT"),
        (1.70000000025e9, "2023-11-14T22:13:20.250Z", "Tue, 14 Nov 2023 22:13:20 GMT"),
        (0.9999, "1970-01-01T00:00:01Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
        (-1.5, "1969-12-31T23:59:58.500Z", "Wed, 31 Dec 1969 23:59:58 GMT"),
    ],
)
def test_times(moment: float, iso: str, rfc: str) -> None:
    assert times.text(moment, "iso8601") == iso
    assert times.text(moment, "rfc822") == rfc
    assert times.parse(iso, "iso8601") == pytest.approx(moment, abs=0.001)
    assert times.parse(rfc, "rfc822") == pytest.approx(moment, abs=1)


@pytest.mark.parametrize(
    "text", ["2023-11-14T22:13:20+00:00", "2023-11-14T23:13:20+01:00", "20231114", "1700000000"]
)
def test_other_ways_to_write_a_time(text: str) -> None:
    expected = 20231114 if text == "20231114" else 1.7e9
    assert times.parse(text, "iso8601") == expected
